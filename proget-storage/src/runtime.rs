//! The use-cases' runtime on tokio: a place for blocking work, work that is not broken off, a timer.

use async_trait::async_trait;
use futures::future::BoxFuture;
use proget_core::registry::{Runtime, Work};
use std::time::Duration;

/// [`Runtime`] on tokio; usable within a tokio runtime of either flavour.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioRuntime;

#[async_trait]
impl Runtime for TokioRuntime {
    async fn offload(&self, work: Work) -> bool {
        // An error means that the work panicked or the runtime is shutting down.
        tokio::task::spawn_blocking(work).await.is_ok()
    }

    async fn complete(&self, work: BoxFuture<'static, ()>) {
        // A spawned task goes on when this handle is dropped: exactly what is promised.
        if let Err(error) = tokio::spawn(work).await {
            tracing::error!(%error, "work that must not be broken off was broken off");
        }
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    /// A worker of tokio comes back to it when its queue is empty, and has looked for input then.
    fn yield_now(&self) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn work_that_must_not_be_broken_off_ends_although_its_caller_left() {
        let done = Arc::new(AtomicBool::new(false));
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        let flag = done.clone();
        let work = Box::pin(async move {
            let _ = wait.await;
            flag.store(true, Ordering::SeqCst);
            let _ = ended.send(());
        });
        {
            let mut call = TokioRuntime.complete(work);
            assert!(futures::poll!(&mut call).is_pending());
        }
        let _ = go.send(());
        tokio::time::timeout(Duration::from_secs(10), end).await.expect("the work ends").expect("it says so");
        assert!(done.load(Ordering::SeqCst));
    }
}
