//! How a suite starts many tasks at once without knowing a runtime.

use futures::channel::oneshot;
use futures::future::{BoxFuture, join_all};
use std::fmt;
use std::sync::Arc;

/// How many things are done at once.
#[derive(Clone)]
pub enum Tasks {
    /// In turns, within the task that runs the suite: enough where commits never wait.
    Joined,
    /// Each as a task of its own, started by this function.
    Spawned(Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>),
}

impl Tasks {
    /// Each as a task of its own: `Tasks::spawned(|task| drop(tokio::spawn(task)))`.
    pub fn spawned(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self::Spawned(Arc::new(spawn))
    }

    /// Does all of it at once; the results come in the order of the work.
    ///
    /// # Panics
    /// If one of the tasks does.
    pub async fn all<T: Send + 'static>(&self, work: Vec<BoxFuture<'static, T>>) -> Vec<T> {
        let Self::Spawned(spawn) = self else { return join_all(work).await };
        let start = |work: BoxFuture<'static, T>| {
            let (answer, answered) = oneshot::channel();
            // Nobody waits any more if another task has failed; then the answer is not needed.
            spawn(Box::pin(async move { drop(answer.send(work.await)) }));
            answered
        };
        let answers = join_all(work.into_iter().map(start).collect::<Vec<_>>()).await;
        answers.into_iter().map(|answer| answer.expect("a task of the suite must not panic")).collect()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joined => "Joined",
            Self::Spawned(_) => "Spawned",
        })
    }
}
