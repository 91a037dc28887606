//! `proget run`: the server, from its parts to the last request.

use super::administer::stopped;
use super::ending::{Ending, Stopped};
use super::keys;
use super::print;
use crate::accounts::NewAdministrator;
use crate::assemble::{self, Assembled, StartError};
use crate::config::{Config, Written};
use crate::control::ControlSocket;
use crate::server::Listening;
use proget_storage::SqlCatalog;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long connections to the database may take to be given back at the end.
const CLOSING: Duration = Duration::from_secs(3);

/// SIGINT and SIGTERM, which mean the same: please stop.
struct Requests {
    interrupt: Signal,
    terminate: Signal,
}

impl Requests {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Serves until it is asked to stop, then finishes what is in flight. Asked twice, it stops at once.
pub(super) async fn run(config: &Config, written: &Written) -> Result<Ending, Stopped> {
    let mut requests = Requests::listen()
        .map_err(|error| Stopped::new(Ending::CannotStart, format!("cannot listen for signals: {error}")))?;
    let started = tokio::select! {
        started = start(config, written) => started.map_err(stopped)?,
        () = requests.next() => return Err(Stopped::new(Ending::Interrupted, "interrupted while starting")),
    };
    Ok(started.serve(&mut requests).await)
}

/// A server that answers.
struct Started {
    listening: Listening,
    catalog: Arc<SqlCatalog>,
    control: Option<ControlSocket>,
}

async fn start(config: &Config, written: &Written) -> Result<Started, StartError> {
    let Assembled { server, catalog } = assemble::server(config).await?;
    // Before anything else can fail: its password is kept nowhere.
    if let Some(administrator) = server.new_administrator() {
        introduce(administrator);
    }
    let control = match config.places.sqlite_file() {
        Some(_) => Some(ControlSocket::open(&config.places.data_dir, server.cluster().clone()).await?),
        None => None,
    };
    let listening = server.listen().await?;
    print::say(&format!("{} is ready:", listening.url()));
    print::say(&format!("  database  {catalog}"));
    print::say(&format!("  packages  {}", config.places.store));
    let file = written.file.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
    let addresses = listening.addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(node = %config.node_name, version = env!("CARGO_PKG_VERSION"), addresses, %catalog, file, "started");
    keys::log(&config.keys);
    Ok(Started { listening, catalog, control })
}

fn introduce(administrator: &NewAdministrator) {
    print::say("the instance is new; its administrator is:");
    print::say(&format!("  user      {}", administrator.user));
    match &administrator.password {
        Some(password) => print::say(&format!("  password  {}   (shown only now)", password.reveal())),
        None => print::say("  password  as configured"),
    }
}

impl Started {
    async fn serve(self, requests: &mut Requests) -> Ending {
        let Self { listening, catalog, control } = self;
        let stop = CancellationToken::new();
        let mut serving = pin!(listening.serve(stop.clone()));
        tokio::select! {
            biased;
            () = requests.next() => {
                tracing::info!("stopping; requests in flight are finished first");
                stop.cancel();
            }
            drained = &mut serving => {
                tracing::error!(cut = drained.cut, "the server ended although nobody asked it to");
                return Ending::Failed;
            }
        }
        let ending = tokio::select! {
            drained = &mut serving => {
                tracing::info!(cut = drained.cut, "stopped");
                Ending::Done
            }
            () = requests.next() => {
                tracing::warn!("asked to stop a second time; requests in flight are cut");
                Ending::Interrupted
            }
        };
        drop(control);
        if tokio::time::timeout(CLOSING, catalog.close()).await.is_err() {
            tracing::warn!("connections to the database were not given back in time");
        }
        ending
    }
}
