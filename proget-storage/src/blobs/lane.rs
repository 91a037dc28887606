//! The one place where blocking work on a directory is started, and a bound on how much of it runs.
//!
//! A network share that hangs keeps every thread that touches it, for minutes or for ever. The
//! threads for blocking work are shared with the whole process (names are looked up there, passwords
//! checked), so without a bound one hung share stops everything. Hence each opened directory has a
//! lane: a number of permits, and a time after which those who wait for one are refused.
//!
//! Two things are easily done wrong here. A permit belongs to the *work*, not to the caller: a
//! caller that goes away does not free the thread that hangs. And nobody may wait for a permit in a
//! future that its owner need not poll, such as a chunk read ahead of a slow client: the permit would
//! be given to that future and lie there. So waiting is always done by a task of its own.

use proget_core::blob::{StoreError, StoreErrorKind};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

/// Operations on one directory at a time. Tokio has 512 threads for blocking work, and disks and
/// shares alike are busy with far fewer requests than this.
const WIDTH: usize = 64;

/// How long somebody waits for one of them: 10 seconds, a few times what a busy disk needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds the work that is under way on one directory. Clones share the bound.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    permits: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Lane {
    fn default() -> Self {
        Self::new(WIDTH, PATIENCE)
    }
}

impl Lane {
    pub(crate) fn new(width: usize, patience: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(width)), patience }
    }

    /// Starts `work`, which blocks, apart from the threads that answer requests; it runs whether or
    /// not the result is awaited. Whoever drops the result before the work has begun calls it off.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Running<T> {
        let mut running = JoinSet::new();
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => drop(running.spawn_blocking(holding(permit, work))),
            Err(_) => {
                let lane = self.clone();
                running.spawn(async move {
                    let permit = lane.permit(doing).await?;
                    spawn_blocking(holding(permit, work)).await.unwrap_or_else(|error| broken(doing, error))
                });
            }
        }
        Running { doing, running }
    }

    /// Starts `work`, which blocks, and waits for it.
    ///
    /// # Errors
    /// Those of `work`; `Unavailable` if others have kept all permits for too long.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.start(doing, work).end().await
    }

    /// The same for a future that starts blocking work by itself, as those of `object_store` do.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub(crate) async fn attend<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (lane, mut running) = (self.clone(), JoinSet::new());
        running.spawn(async move {
            let permit = lane.permit(doing).await?;
            // A task again, because this one ends with the caller, and the permit must not.
            let attended = tokio::spawn(async move {
                let result = work.await;
                drop(permit);
                result
            });
            attended.await.unwrap_or_else(|error| broken(doing, error))
        });
        Running { doing, running }.end().await
    }

    /// Does `work` at some time, for nobody who waits. If the runtime goes down before, `work` is
    /// dropped unrun.
    pub(crate) fn tidy(&self, runtime: &Handle, work: impl FnOnce() + Send + 'static) {
        let permits = Arc::clone(&self.permits);
        match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => drop(runtime.spawn_blocking(holding(permit, work))),
            Err(_) => drop(runtime.spawn(async move {
                // Permits are never closed. If they were, the file would have to go all the same.
                match permits.acquire_owned().await {
                    Ok(permit) => drop(spawn_blocking(holding(permit, work))),
                    Err(_) => drop(spawn_blocking(work)),
                }
            })),
        }
    }

    async fn permit(&self, doing: &'static str) -> Result<OwnedSemaphorePermit, StoreError> {
        let refused = |cause: String| StoreError::new(StoreErrorKind::Unavailable, doing).because(cause);
        match tokio::time::timeout(self.patience, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(permit) => permit.map_err(|error| refused(error.to_string())),
            Err(_) => Err(refused(format!(
                "as many operations as may run at once are under way and none has ended for {} s: the \
                 disk or share hangs, or is far too slow",
                self.patience.as_secs_f32()
            ))),
        }
    }
}

/// Work that was started. Waiting for it can be broken off and taken up again.
#[derive(Debug)]
pub(crate) struct Running<T> {
    doing: &'static str,
    /// One task. A set, because it calls its task off when dropped, and that is what is wanted of
    /// a task that still waits; work on a blocking thread cannot be called off once it has begun.
    running: JoinSet<Result<T, StoreError>>,
}

impl<T: 'static> Running<T> {
    /// Waits for the end.
    ///
    /// # Errors
    /// Those of the work; `Unavailable` if it was not done.
    pub(crate) async fn end(&mut self) -> Result<T, StoreError> {
        match self.running.join_next().await {
            Some(ended) => ended.unwrap_or_else(|error| broken(self.doing, error)),
            None => {
                Err(StoreError::new(StoreErrorKind::Unavailable, self.doing).because("it has ended before"))
            }
        }
    }
}

/// The permit goes back when the work has ended, also by a panic, or is dropped unrun.
fn holding<T>(permit: OwnedSemaphorePermit, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    move || {
        let result = work();
        drop(permit);
        result
    }
}

/// Either the runtime is going down, or the work panicked: both end this request only.
fn broken<T>(doing: &'static str, error: JoinError) -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Unavailable, doing).because(error))
}

#[cfg(test)]
mod tests {
    //! With lanes of one permit; `tests/it/hung.rs` has a whole store that hangs.

    use super::*;
    use crate::LocalStore;
    use futures::{StreamExt as _, TryStreamExt as _, poll};
    use proget_core::artifact::Artifact;
    use proget_core::blob::{BlobKey, BlobStore as _};
    use proget_core::digest::{DigestSet, Sha256};
    use std::sync::mpsc::{Sender, channel};

    const MINUTE: Duration = Duration::from_secs(60);

    /// Takes a permit until told to end; has begun when this returns.
    async fn occupy(lane: &Lane) -> (Sender<()>, Running<()>) {
        let (end, ended) = channel();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let running = lane.start("hanging", move || {
            let _ = begun.send(());
            let _ = ended.recv();
            Ok(())
        });
        begins.await.unwrap();
        (end, running)
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused_and_abandoned_work_still_counts() {
        let lane = Lane::new(1, Duration::from_millis(50));
        let (end, hanging) = occupy(&lane).await;
        drop(hanging);
        let refused = [
            lane.run("looking", || Ok(())).await.unwrap_err(),
            lane.attend("deleting", async { Ok(()) }).await.unwrap_err(),
        ];
        for refused in refused {
            assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        }
        end.send(()).unwrap();
        let lane = Lane { patience: MINUTE, ..lane };
        lane.run("looking", || Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn attended_work_keeps_its_permit_when_its_caller_leaves() {
        let lane = Lane::new(1, Duration::from_millis(50));
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            let _ = begun.send(());
            let _ = ended.await;
            Ok(())
        };
        let mut call = Box::pin(lane.attend("deleting", work));
        assert!(poll!(&mut call).is_pending());
        begins.await.unwrap();
        drop(call);
        let refused = lane.run("looking", || Ok(())).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        end.send(()).unwrap();
        Lane { patience: MINUTE, ..lane }.run("looking", || Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_permit_back() {
        let lane = Lane::new(1, MINUTE);
        let broken = lane.run::<()>("breaking", || panic!("on purpose")).await.unwrap_err();
        assert_eq!(broken.kind(), StoreErrorKind::Unavailable);
        lane.run("looking", || Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_body_that_nobody_reads_on_keeps_no_permit() {
        let (root, lane) = (tempfile::tempdir().unwrap(), Lane::new(1, MINUTE));
        let store = LocalStore::open_with(root.path().to_owned(), None, lane.clone()).await.unwrap();
        let bytes: Vec<u8> = (0..900_000_u32).map(|at| (at / 251 + at) as u8).collect();
        let artifact = Artifact::in_memory(bytes.clone(), DigestSet::default());
        let key = BlobKey::fresh(Sha256::of(&bytes));
        store.put(&key, &artifact).await.unwrap();
        let mut body = store.get(&key, None).await.unwrap().body;
        let (end, _hanging) = occupy(&lane).await;
        // The first chunk came with opening.
        let first = body.next().await.unwrap().unwrap();
        assert!(poll!(body.next()).is_pending(), "chunks are asked for while the permit is taken");
        end.send(()).unwrap();
        let looked = tokio::time::timeout(MINUTE / 4, store.head(&key)).await;
        assert_eq!(looked.expect("the body must not keep the permit").unwrap(), Some(900_000));
        let read: Vec<_> = body.try_collect().await.unwrap();
        assert_eq!([first.to_vec(), read.concat()].concat(), bytes);
    }

    #[test]
    fn what_is_to_be_tidied_waits_without_a_thread_and_is_never_forgotten() {
        struct Told(Sender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (told, tidied) = channel();
        // Two threads for blocking work: one hangs, so one that only waited would take the last.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(2).enable_all().build().unwrap();
        let (lane, handle) = (Lane::new(1, MINUTE), runtime.handle().clone());
        let (end, mut hanging) = runtime.block_on(occupy(&lane));
        for _ in 0..20 {
            let told = Told(told.clone());
            lane.tidy(&handle, move || drop(told));
        }
        runtime.block_on(async { spawn_blocking(|| ()).await.unwrap() });
        assert!(tidied.try_recv().is_err());
        end.send(()).unwrap();
        runtime.block_on(hanging.end()).unwrap();
        runtime.block_on(async {
            let all = spawn_blocking(move || (0..20).all(|_| tidied.recv_timeout(MINUTE / 4).is_ok()));
            assert!(all.await.unwrap());
        });
        let (told, tidied) = channel();
        let (end, _hanging) = runtime.block_on(occupy(&lane));
        let told = Told(told);
        lane.tidy(&handle, move || drop(told));
        end.send(()).unwrap();
        drop(runtime);
        assert!(tidied.try_recv().is_ok(), "a runtime that goes down leaves nothing undone");
    }
}
