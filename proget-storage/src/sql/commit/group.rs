//! Group commit for SQLite: sets that wait at the same moment share one transaction, and so one
//! flush to the disk.
//!
//! SQLite has one writer, so commits queue, each behind the flush of the one before it. Here whoever
//! gets its turn takes everybody who waits along: each set in a savepoint of its own, so that one
//! that is refused leaves no trace in the others, then one COMMIT for all. Nobody is answered before
//! that. PostgreSQL and MariaDB have many writers and gather their flushes themselves.
//!
//! What surprised us: after some errors (a full disk among them) SQLite rolls back the whole
//! transaction, and a savepoint that is released outside of one *commits*. So after any fault that
//! is not a plain refusal the whole group is rolled back, and the others begin anew.

use super::super::fault::Fault;
use super::super::lock::OwnerLock;
use super::super::pools::Pools;
use super::super::session::Session;
use super::{Failure, apply, deletes_a_feed, limit};
use proget_core::catalog::{ChangeSet, Committed};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, oneshot};
use tokio::time::{sleep, timeout};

/// No group is larger, so that the first of it need not wait long.
const LARGEST: usize = 64;

type Answer = Result<Committed, Failure>;

/// A set and who wants to know what became of it.
struct Waiting {
    set: Arc<ChangeSet>,
    answer: oneshot::Sender<Answer>,
}

/// Sets that wait for the next group.
#[derive(Default)]
pub(in super::super) struct Groups {
    waiting: Mutex<Vec<Waiting>>,
    /// Held while a group is being committed.
    turn: Arc<Turn<()>>,
}

/// What a group needs besides its sets.
#[derive(Clone)]
pub(in super::super) struct Writer {
    pub(in super::super) pools: Arc<Pools>,
    /// Kept until the group is done: another process must not own the database before.
    pub(in super::super) _owner: Option<Arc<OwnerLock>>,
    /// How long a call may take.
    pub(in super::super) call: Duration,
}

impl Groups {
    /// Commits one set together with those that wait at the same moment. Who has waited for a turn as
    /// long as a call may take (while a large feed is being deleted) is told so instead.
    pub(super) async fn commit(&self, writer: &Writer, set: Arc<ChangeSet>) -> Answer {
        let (answer, mut answered) = oneshot::channel();
        self.queue().push(Waiting { set: Arc::clone(&set), answer });
        let mut withdrawn = pin!(self.withdrawn(writer.call, &set));
        // Until a group has it: turns come in another order than sets, so one's own turn may be
        // used up by a full group, or by a long set that goes alone, in front.
        while self.is_waiting(&set) {
            tokio::select! {
                biased;
                outcome = &mut answered => return outcome.unwrap_or_else(|_| broken_off()),
                () = &mut withdrawn => return Err(Failure::Nothing(Fault::NoAnswer)),
                turn = Arc::clone(&self.turn).lock_owned() => {
                    let group = self.next();
                    // Whoever had the turn before may have taken all along.
                    if !group.is_empty() {
                        // A task of its own: the group must not end because one of its callers leaves.
                        tokio::spawn(commit_group(writer.clone(), group, turn));
                    }
                }
            }
        }
        answered.await.unwrap_or_else(|_| broken_off())
    }

    fn is_waiting(&self, set: &Arc<ChangeSet>) -> bool {
        self.queue().iter().any(|one| Arc::ptr_eq(&one.set, set))
    }

    /// Ends when this set has waited for so long and has been taken out of the queue; never if a group
    /// has taken it along by then.
    async fn withdrawn(&self, limit: Duration, set: &Arc<ChangeSet>) {
        sleep(limit).await;
        if !self.take_out(set) {
            std::future::pending().await
        }
    }

    /// Whether it still was in the queue.
    fn take_out(&self, set: &Arc<ChangeSet>) -> bool {
        let mut waiting = self.queue();
        let place = waiting.iter().position(|one| Arc::ptr_eq(&one.set, set));
        place.map(|place| waiting.remove(place)).is_some()
    }

    /// Those who are next. Who has left meanwhile is left out; a long set goes alone.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.queue();
        waiting.retain(|one| !one.answer.is_closed());
        let long = |one: &Waiting| deletes_a_feed(&one.set);
        let end = match waiting.first() {
            Some(first) if long(first) => 1,
            _ => waiting.iter().position(long).unwrap_or(waiting.len()).min(LARGEST),
        };
        waiting.drain(..end).collect()
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The group ended without an answer (the runtime is going down): nobody can say.
fn broken_off() -> Answer {
    Err(Failure::Broken)
}

async fn commit_group(writer: Writer, group: Vec<Waiting>, turn: OwnedMutexGuard<()>) {
    let sets: Vec<&ChangeSet> = group.iter().map(|one| &*one.set).collect();
    let outcomes = run(&writer, &sets).await;
    drop(turn);
    for (one, outcome) in group.into_iter().zip(outcomes) {
        // Who has left does not want to know.
        let _ = one.answer.send(outcome);
    }
}

/// What became of each set, in their order.
async fn run(writer: &Writer, sets: &[&ChangeSet]) -> Vec<Answer> {
    let session = match within(writer.call, async { Ok(writer.pools.begin().await?) }).await {
        Ok(session) => session,
        Err(fault) => return all(sets, fault),
    };
    let applied = match sets {
        [only] => apply_one(&session, writer, only).await,
        several => apply_each(&session, writer, several).await,
    };
    let applied = match applied {
        Ok(applied) => applied,
        // Dropping the session rolls all of it back.
        Err(Spoilt { by, fault }) => return spoilt(sets.len(), by, fault),
    };
    if applied.iter().all(Result::is_err) {
        return applied.into_iter().map(|one| one.map_err(Failure::Nothing)).collect();
    }
    match within(writer.call, async { Ok(session.commit().await?) }).await {
        Ok(()) => applied.into_iter().map(|one| one.map_err(Failure::Nothing)).collect(),
        Err(fault) => {
            let certain = fault.meaning() == super::Meaning::RolledBack;
            let fault = Arc::new(fault);
            let end = |committed| match certain {
                true => Failure::Nothing(Fault::Group(fault.clone())),
                false => Failure::Unanswered(Fault::Group(fault.clone()), Box::new(committed)),
            };
            applied
                .into_iter()
                .map(|one| match one {
                    Ok(committed) => Err(end(committed)),
                    // It may have met what has not happened now, so it is judged anew.
                    Err(_) => Err(Failure::Nothing(Fault::Raced)),
                })
                .collect()
        }
    }
}

/// A fault that is not the refusal of one set: the whole transaction is to be rolled back.
struct Spoilt {
    /// Whose set met it.
    by: usize,
    fault: Fault,
}

async fn apply_one(
    session: &Session,
    writer: &Writer,
    set: &ChangeSet,
) -> Result<Vec<Result<Committed, Fault>>, Spoilt> {
    match within(limit(set, writer.call), apply(session, set)).await {
        Ok(committed) => Ok(vec![Ok(committed)]),
        Err(fault) => Err(Spoilt { by: 0, fault }),
    }
}

async fn apply_each(
    session: &Session,
    writer: &Writer,
    sets: &[&ChangeSet],
) -> Result<Vec<Result<Committed, Fault>>, Spoilt> {
    let mut applied = Vec::with_capacity(sets.len());
    for (by, set) in sets.iter().enumerate() {
        let work = async {
            session.exec_plain("SAVEPOINT one").await?;
            let outcome = apply(session, set).await;
            match &outcome {
                Ok(_) => session.exec_plain("RELEASE one").await?,
                Err(fault) if fault.is_refusal() => {
                    session.exec_plain("ROLLBACK TO one; RELEASE one").await?
                }
                Err(_) => {}
            }
            Ok(outcome)
        };
        match within(writer.call, work).await.and_then(|outcome| {
            outcome.map_or_else(
                |fault| if fault.is_refusal() { Ok(Err(fault)) } else { Err(fault) },
                |committed| Ok(Ok(committed)),
            )
        }) {
            Ok(outcome) => applied.push(outcome),
            Err(fault) => return Err(Spoilt { by, fault }),
        }
    }
    Ok(applied)
}

/// The one that met the fault is told; the others have been rolled back and begin anew.
fn spoilt(count: usize, by: usize, fault: Fault) -> Vec<Answer> {
    let mut fault = Some(fault);
    (0..count)
        .map(|at| {
            let own = if at == by { fault.take() } else { None };
            Err(Failure::Nothing(own.unwrap_or(Fault::Raced)))
        })
        .collect()
}

/// The same for all.
fn all(sets: &[&ChangeSet], fault: Fault) -> Vec<Answer> {
    let fault = Arc::new(fault);
    sets.iter().map(|_| Err(Failure::Nothing(Fault::Group(fault.clone())))).collect()
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(limit, work).await.unwrap_or(Err(Fault::NoAnswer))
}

#[cfg(test)]
mod tests {
    use super::super::super::{SqlCatalog, SqlOptions};
    use super::*;
    use proget_core::access::Actor;
    use proget_core::catalog::{Catalog as _, FeedChange};
    use proget_core::ids::FeedId;

    #[tokio::test]
    async fn who_has_used_up_a_turn_for_a_long_set_in_front_takes_another() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite://{}", folder.path().join("proget.db").display());
        let catalog = SqlCatalog::open(&address, SqlOptions::default()).await.unwrap();
        let set = || ChangeSet::by(Actor("SYSTEM".into()));
        // In front of the queue, but with its own turn still to come.
        let (answer, answered) = oneshot::channel();
        let long = Arc::new(set().with(FeedChange::Delete(FeedId(1))));
        catalog.groups.as_ref().unwrap().queue().push(Waiting { set: long, answer });
        let outcome = timeout(Duration::from_secs(30), catalog.commit(set())).await;
        assert!(matches!(outcome, Ok(Ok(_))), "{outcome:?}");
        assert!(matches!(answered.await, Ok(Err(_))), "there was no such feed");
    }
}
