//! A node of a test as something like a process: a thread of its own with a runtime of its own, and
//! everything that the node does happens on it. So it can be killed (the runtime is dropped, with every
//! task and every connection) and frozen (the thread stands still: timers, calls and requests alike)
//! without the node having any part in that.
//!
//! What surprised us: a frozen thread that is to be killed wakes for a moment, as no process does. It is
//! cut off before, so that nothing it does then is seen by anybody.

use super::TestServerError;
use super::cut::Wired;
use crate::server::{Listening, Server};
use proget_core::ids::Incarnation;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A server that was put together, and what cuts it off.
pub(super) type Assembly = (Server, Arc<Wired>);

/// A node that runs. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) url: String,
    pub(super) incarnation: Incarnation,
    pub(super) wired: Arc<Wired>,
    runtime: Handle,
    ice: Arc<Ice>,
    stop: CancellationToken,
    kill: CancellationToken,
    thread: Option<JoinHandle<()>>,
    ended: oneshot::Receiver<()>,
}

/// What a frozen thread waits for.
#[derive(Debug, Default)]
struct Ice {
    frozen: Mutex<bool>,
    thawed: Condvar,
}

impl Ice {
    fn set(&self, frozen: bool) {
        *self.frozen.lock().unwrap_or_else(PoisonError::into_inner) = frozen;
        self.thawed.notify_all();
    }

    /// Stands still, with the whole thread.
    fn stand(&self) {
        let mut frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        while *frozen {
            frozen = self.thawed.wait(frozen).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a thread tells when its node serves.
struct Born {
    url: String,
    incarnation: Incarnation,
    wired: Arc<Wired>,
    runtime: Handle,
}

impl Process {
    /// Starts a node; returns when it has joined and serves.
    pub(super) async fn start<F>(
        name: &str,
        assemble: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Self, TestServerError>
    where
        F: Future<Output = Result<Assembly, TestServerError>>,
    {
        let doing = "starting a thread for a node";
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let (stopped, killed) = (stop.clone(), kill.clone());
        let (born, birth) = oneshot::channel();
        let (ending, ended) = oneshot::channel::<()>();
        let live = move || {
            // It goes when everything else has gone.
            let _ending = ending;
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(born.send(Err(TestServerError::because(doing)(error.into())))),
            };
            runtime.block_on(async {
                let serving = pin!(serve(assemble, born, stopped));
                futures::future::select(pin!(killed.cancelled()), serving).await;
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(format!("proget {name}")).spawn(live);
        let thread = thread.map_err(|error| TestServerError::because(doing)(error.into()))?;
        let gone = |_| TestServerError { doing: "starting a node", why: "its thread has panicked".into() };
        let Born { url, incarnation, wired, runtime } = birth.await.map_err(gone)??;
        let (ice, thread) = (Arc::default(), Some(thread));
        Ok(Self { url, incarnation, wired, runtime, ice, stop, kill, thread, ended })
    }

    /// Stops its thread where it is. Returns when it stands still.
    pub(super) async fn freeze(&self) {
        self.ice.set(true);
        let (ice, (told, stands)) = (self.ice.clone(), oneshot::channel());
        self.runtime.spawn(async move {
            // Whoever wanted to know may be gone.
            let _ = told.send(());
            ice.stand();
        });
        // An error means that it has ended, which is as still as can be.
        let _ = stands.await;
    }

    /// Lets its thread go on.
    pub(super) fn thaw(&self) {
        self.ice.set(false);
    }

    /// Ends everything of it at once; returns when nothing of it is left.
    pub(super) async fn kill(mut self) {
        self.strike();
        let _ = (&mut self.ended).await;
    }

    /// Lets it finish its requests, hand over and leave.
    pub(super) async fn stop(mut self) {
        self.thaw();
        self.stop.cancel();
        let _ = (&mut self.ended).await;
    }

    fn strike(&self) {
        self.wired.cut();
        self.kill.cancel();
        self.thaw();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.strike();
        if let Some(thread) = self.thread.take() {
            // An error is the thread's panic, which was printed when it happened.
            let _ = thread.join();
        }
    }
}

async fn serve<F>(
    assemble: impl FnOnce() -> F,
    born: oneshot::Sender<Result<Born, TestServerError>>,
    stop: CancellationToken,
) where
    F: Future<Output = Result<Assembly, TestServerError>>,
{
    let listening = async {
        let (server, wired) = assemble().await?;
        let incarnation = server.registry().incarnation();
        let listening = server.listen().await;
        let listening = listening.map_err(|error| TestServerError::because("joining")(error.into()))?;
        Ok::<(Listening, Arc<Wired>, Incarnation), TestServerError>((listening, wired, incarnation))
    };
    match listening.await {
        Ok((listening, wired, incarnation)) => {
            let born_now = Born { url: listening.url(), incarnation, wired, runtime: Handle::current() };
            if born.send(Ok(born_now)).is_ok() {
                listening.serve(stop).await;
            }
        }
        // Whoever wanted it may be gone.
        Err(error) => drop(born.send(Err(error))),
    }
}
