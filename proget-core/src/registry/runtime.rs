//! What the use-cases ask of the async runtime: a place for blocking work, and a timer.
//!
//! This crate names no runtime; `proget-storage` has the implementation for tokio.

use async_trait::async_trait;
use futures::future::BoxFuture;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// Work that may block or take long.
pub type Work = Box<dyn FnOnce() + Send + 'static>;

/// A place for blocking work, and a timer.
///
/// # What an implementation must promise
/// - `offload` runs the work to its end, even if the returned future is dropped, without stalling
///   other tasks; it returns `false` only if the work could not be run or panicked.
/// - `complete` runs the future to its end, even if the returned one is dropped.
/// - `sleep` takes at least as long as asked, by a monotonic clock.
/// - `yield_now` ends, and others that can go on do so before.
#[async_trait]
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Runs blocking work elsewhere and waits for it.
    async fn offload(&self, work: Work) -> bool;

    /// Runs a future that must not be broken off, and waits for it.
    async fn complete(&self, work: BoxFuture<'static, ()>);

    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Gives way to whoever can go on at this moment, once.
    ///
    /// Best is a runtime that also looks for new input before it comes back: what is done for many at a
    /// time is done for more of them then.
    fn yield_now(&self) -> BoxFuture<'static, ()> {
        let mut gave_way = false;
        Box::pin(poll_fn(move |context| {
            if std::mem::replace(&mut gave_way, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

/// Runs blocking work where it is called and never wakes a sleeper: for tests on memory parts,
/// where nothing takes long enough to need a timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

#[async_trait]
impl Runtime for Inline {
    async fn offload(&self, work: Work) -> bool {
        work();
        true
    }

    async fn complete(&self, work: BoxFuture<'static, ()>) {
        // Whoever drops this breaks the work off: good enough where commits do not wait.
        work.await;
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(futures::future::pending())
    }
}

/// Runs `work` through a runtime and brings back what it returns; `None` if it could not be run.
pub(super) async fn offloaded<T: Send + 'static>(
    runtime: &dyn Runtime,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (send, receive) = futures::channel::oneshot::channel();
    let done = runtime
        .offload(Box::new(move || {
            // The receiver is gone only if the request was cancelled; then nobody wants the answer.
            let _ = send.send(work());
        }))
        .await;
    if !done {
        return None;
    }
    receive.await.ok()
}
