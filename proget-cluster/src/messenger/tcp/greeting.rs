//! How two servers find out that they share a key, and talk so that nobody else can listen: the Noise
//! protocol, pattern NNpsk0 (<https://noiseprotocol.org/noise.html>), done by the crate `snow`.
//!
//! NN, not KK: servers have no keys of their own, only the one that they share; whoever has it is one of
//! us. What surprised us: with this pattern the *first* message can be replayed by whoever recorded it. It is
//! answered, and nothing else comes of it: a caller counts only after its first sealed frame.

use super::super::wire::{self, LONGEST};
use proget_core::ids::Incarnation;
use proget_core::keys::SecretKey;
use snow::{Builder, TransportState};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
/// Servers that speak another version of this do not understand each other's greetings.
const PROLOGUE: &[u8] = b"proget messenger 1";
/// A first message: an ephemeral key, an incarnation, a seal.
const FIRST: usize = 32 + 16 + 16;

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoGreeting {
    /// The other side has another key, or speaks another version.
    #[error("the encryption keys differ")]
    OtherKey,
    /// It is not one of us.
    #[error("what answered is no messenger of a server")]
    Stranger,
    /// The connection failed.
    #[error("the connection ended during the greeting")]
    Connection(#[from] io::Error),
}

/// Anything that `snow` finds wrong means that the bytes are not what one of us would send.
impl From<snow::Error> for NoGreeting {
    fn from(_: snow::Error) -> Self {
        Self::Stranger
    }
}

/// Seals what is said and opens what is heard on one connection, in order.
#[derive(Debug)]
pub(super) struct Session(TransportState);

impl Session {
    /// As it goes over the wire.
    pub(super) fn seal(&mut self, said: &[u8]) -> Result<Vec<u8>, NoGreeting> {
        let mut sealed = vec![0; said.len() + 16];
        let long = self.0.write_message(said, &mut sealed)?;
        sealed.truncate(long);
        Ok(sealed)
    }

    /// What was said. After an error the connection is of no use any more.
    pub(super) fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, NoGreeting> {
        let mut said = vec![0; sealed.len()];
        let long = self.0.read_message(sealed, &mut said)?;
        said.truncate(long);
        Ok(said)
    }
}

fn builder(key: &SecretKey) -> Result<Builder<'_>, NoGreeting> {
    Ok(Builder::new(PATTERN.parse()?).prologue(PROLOGUE)?.psk(0, key.reveal())?)
}

fn incarnation(said: &[u8]) -> Result<Incarnation, NoGreeting> {
    Uuid::from_slice(said).map(Incarnation).map_err(|_| NoGreeting::Stranger)
}

/// The caller's part. Gives who answered.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    key: &SecretKey,
    me: Incarnation,
) -> Result<(Session, Incarnation), NoGreeting> {
    let mut noise = builder(key)?.build_initiator()?;
    let (mut room, mut said) = ([0; LONGEST], [0; LONGEST]);
    let long = noise.write_message(me.0.as_bytes(), &mut room)?;
    wire::write(stream, &room[..long]).await?;
    let answer = wire::read(stream, &mut room).await?;
    if answer.is_empty() {
        return Err(NoGreeting::OtherKey);
    }
    let long = noise.read_message(answer, &mut said)?;
    Ok((Session(noise.into_transport_mode()?), incarnation(&said[..long])?))
}

/// The part of the one who is called; any of the keys will do. Gives who called, as far as one can tell
/// before its first frame is opened.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    keys: &[SecretKey],
    me: Incarnation,
) -> Result<(Session, Incarnation), NoGreeting> {
    let (mut room, mut said) = ([0; LONGEST], [0; LONGEST]);
    let greeting = wire::read(stream, &mut room).await?;
    for key in keys {
        let mut noise = builder(key)?.build_responder()?;
        let Ok(long) = noise.read_message(greeting, &mut said) else { continue };
        let caller = incarnation(&said[..long])?;
        let long = noise.write_message(me.0.as_bytes(), &mut said)?;
        wire::write(stream, &said[..long]).await?;
        return Ok((Session(noise.into_transport_mode()?), caller));
    }
    if greeting.len() != FIRST {
        return Err(NoGreeting::Stranger);
    }
    // An empty frame says why. Anybody could have sent it, so the caller only tells it.
    wire::write(stream, &[]).await?;
    Err(NoGreeting::OtherKey)
}
