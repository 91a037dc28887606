//! Hints as bytes, and bytes as frames: a length of two bytes, most significant first, and so many
//! bytes. Sockets, keys and who may speak are elsewhere.
//!
//! A frame that is longer than any of ours is refused before a byte of it is read, so a stranger can
//! not make anybody set memory aside. A hint that is not understood is skipped: it is a newer server's.

use super::Hint;
use proget_core::ids::FeedId;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest frame, in bytes; a greeting takes 64 and an encrypted hint 25.
pub(super) const LONGEST: usize = 256;

/// A frame that says nothing but "I am still here".
pub(super) const STILL_HERE: &[u8] = &[0];

const FEED: u8 = 1;
const JOBS: u8 = 2;
const SETTINGS: u8 = 3;
const ROSTER: u8 = 4;
const ROLE: u8 = 5;

/// A hint as bytes.
pub(super) fn encode(hint: Hint) -> Vec<u8> {
    match hint {
        Hint::FeedChanged(feed) => [&[FEED], feed.0.to_be_bytes().as_slice()].concat(),
        Hint::JobsWaiting => vec![JOBS],
        Hint::SettingsChanged => vec![SETTINGS],
        Hint::RosterChanged => vec![ROSTER],
        Hint::RoleChanged => vec![ROLE],
    }
}

/// The hint that was meant, if it is one that this build knows.
pub(super) fn decode(bytes: &[u8]) -> Option<Hint> {
    match bytes {
        [FEED, feed @ ..] => {
            Some(Hint::FeedChanged(FeedId(i64::from_be_bytes(<[u8; 8]>::try_from(feed).ok()?))))
        }
        [JOBS] => Some(Hint::JobsWaiting),
        [SETTINGS] => Some(Hint::SettingsChanged),
        [ROSTER] => Some(Hint::RosterChanged),
        [ROLE] => Some(Hint::RoleChanged),
        _ => None,
    }
}

/// Reads one frame into `room` and gives its part of it.
pub(super) async fn read<'a, R: AsyncRead + Unpin>(
    from: &mut R,
    room: &'a mut [u8; LONGEST],
) -> io::Result<&'a [u8]> {
    let long = usize::from(from.read_u16().await?);
    let Some(frame) = room.get_mut(..long) else {
        let said = format!("a frame of {long} bytes was announced, more than any message has");
        return Err(io::Error::new(io::ErrorKind::InvalidData, said));
    };
    from.read_exact(frame).await?;
    Ok(frame)
}

/// Writes one frame, in one piece.
pub(super) async fn write<W: AsyncWrite + Unpin>(to: &mut W, frame: &[u8]) -> io::Result<()> {
    let long = u16::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&[long.to_be_bytes().as_slice(), frame].concat()).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_read_as_it_was_written() {
        let feeds = [i64::MIN, -1, 0, 7, i64::MAX].map(|feed| Hint::FeedChanged(FeedId(feed)));
        let others = [Hint::JobsWaiting, Hint::SettingsChanged, Hint::RosterChanged, Hint::RoleChanged];
        for hint in feeds.into_iter().chain(others) {
            assert_eq!(decode(&encode(hint)), Some(hint));
        }
    }

    #[test]
    fn what_is_not_understood_is_no_hint() {
        for bytes in [&[][..], STILL_HERE, &[FEED], &[FEED, 1, 2], &[FEED; 10], &[JOBS, 0], &[99, 1]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn frames_come_out_as_they_went_in_until_one_is_cut_short() {
        let mut bytes = Vec::new();
        for frame in [&[1_u8; LONGEST][..], &[], &[7]] {
            write(&mut bytes, frame).await.unwrap();
        }
        bytes.extend([0, 9, 1]);
        let (mut from, mut room) = (bytes.as_slice(), [0; LONGEST]);
        assert_eq!(read(&mut from, &mut room).await.unwrap(), [1; LONGEST]);
        assert!(read(&mut from, &mut room).await.unwrap().is_empty());
        assert_eq!(read(&mut from, &mut room).await.unwrap(), [7]);
        assert_eq!(read(&mut from, &mut room).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn an_oversized_frame_is_refused_unread() {
        let bytes = [[1, 1].as_slice(), &[5; 257]].concat();
        let mut from = bytes.as_slice();
        let refused = read(&mut from, &mut [0; LONGEST]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert_eq!(from.len(), 257);
    }
}
