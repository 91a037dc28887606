//! Being called: everybody may connect, few are listened to. Who has not greeted yet costs a task and some
//! hundred bytes; there are few such at a time, and a newer one drives out the oldest, so that strangers
//! who say nothing cannot keep servers out, whose greeting takes a moment.

use super::super::wire::{self, LONGEST, STILL_HERE};
use super::Shared;
use super::greeting::{self, NoGreeting, Session};
use super::status::count;
use proget_core::ids::Incarnation;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// How many may be greeting at a time.
pub(super) const MOST_GREETING: usize = 64;
/// How many servers may be connected at a time.
const MOST_SPEAKING: usize = 256;
/// How often callers with another key are told in the log, whoever they are.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// A caller that has the key and has proved it.
struct Speaker {
    stream: TcpStream,
    session: Session,
}

/// Takes calls for as long as the messenger lives.
pub(super) async fn listen(shared: Arc<Shared>, listener: TcpListener) {
    let mut greeters: JoinSet<Option<Speaker>> = JoinSet::new();
    let mut speakers: JoinSet<()> = JoinSet::new();
    let mut oldest: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            caller = listener.accept() => match caller {
                Ok((stream, from)) => {
                    oldest.retain(|greeter| !greeter.is_finished());
                    if oldest.len() >= MOST_GREETING && let Some(greeter) = oldest.pop_front() {
                        greeter.abort();
                        count(&shared.tally.strangers);
                    }
                    oldest.push_back(greeters.spawn(admit(shared.clone(), stream, from)));
                }
                Err(error) => {
                    // No descriptors left, most likely: others need them more.
                    tracing::debug!(%error, "a call was not taken");
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(greeted) = greeters.join_next() => if let Ok(Some(speaker)) = greeted {
                if speakers.len() < MOST_SPEAKING {
                    speakers.spawn(hear(shared.clone(), speaker));
                } else {
                    tracing::warn!("a server was sent away: {MOST_SPEAKING} are connected already");
                }
            },
            Some(_) = speakers.join_next() => {}
        }
    }
}

/// Listens to a greeting; whoever cannot greet in time is left.
async fn admit(shared: Arc<Shared>, mut stream: TcpStream, from: SocketAddr) -> Option<Speaker> {
    let greeting = timeout(shared.pace.greeting, greeted(&shared, &mut stream)).await;
    match greeting {
        Ok(Ok((_, caller))) if caller == shared.me => None,
        Ok(Ok((session, caller))) => {
            tracing::debug!(%from, incarnation = %caller, "a server gives hints");
            Some(Speaker { stream, session })
        }
        Ok(Err(NoGreeting::OtherKey)) => {
            count(&shared.tally.other_keys);
            if tell_now(&shared) {
                tracing::warn!(
                    %from,
                    "a server with another encryption key (or of another version) called: give all servers the same keys; until then changes are noticed later"
                );
            }
            None
        }
        Ok(Err(_)) | Err(_) => {
            count(&shared.tally.strangers);
            tracing::debug!(%from, "a call was no server's");
            None
        }
    }
}

/// Greets and opens the first frame, which is what cannot be a recording.
async fn greeted(shared: &Shared, stream: &mut TcpStream) -> Result<(Session, Incarnation), NoGreeting> {
    stream.set_nodelay(true)?;
    let (mut session, caller) = greeting::answer(stream, &shared.keys, shared.me).await?;
    if caller != shared.me {
        let mut room = [0; LONGEST];
        session.open(wire::read(stream, &mut room).await?)?;
    }
    Ok((session, caller))
}

/// Passes on what a server says until it is gone, falls silent or is not understood; and answers, when it says
/// that it is still here.
async fn hear(shared: Arc<Shared>, mut speaker: Speaker) {
    let mut room = [0; LONGEST];
    loop {
        let frame = timeout(shared.pace.silence, wire::read(&mut speaker.stream, &mut room)).await;
        let Ok(Ok(frame)) = frame else { return };
        let Ok(said) = speaker.session.open(frame) else { return };
        if let Some(hint) = wire::decode(&said) {
            count(&shared.tally.heard);
            shared.local.post(hint);
        } else if said == STILL_HERE {
            let Ok(sealed) = speaker.session.seal(STILL_HERE) else { return };
            let answered = timeout(shared.pace.silence, wire::write(&mut speaker.stream, &sealed)).await;
            let Ok(Ok(())) = answered else { return };
        }
    }
}

fn tell_now(shared: &Shared) -> bool {
    let mut told = super::super::hub::locked(&shared.told);
    let now = Instant::now();
    let is_due = told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
    if is_due {
        *told = Some(now);
    }
    is_due
}
