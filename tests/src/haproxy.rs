//! HAProxy in front of several servers, with a configuration that is somebody else's affair.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;

use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::find;
use crate::{Outcome, SOON};

/// A running HAProxy. Dropped, it is ended.
#[derive(Debug)]
pub struct HaProxy {
    _process: Process,
    place: Arc<Place>,
    port: u16,
}

impl HaProxy {
    /// Starts it with a whole configuration, which must listen on 127.0.0.1 at `port`, and waits until
    /// it accepts connections.
    pub async fn start(port: u16, configuration: &str) -> Outcome<Self> {
        let place = Arc::new(Place::new("haproxy", None)?);
        let file = place.path().join("haproxy.cfg");
        fs::write(&file, configuration)?;
        let mut command = Command::new(find("haproxy")?);
        // -db: no daemon, whatever the file says.
        command.arg("-db").arg("-f").arg(&file);
        let mut process = Process::start("haproxy", command, None, &place, Signal::Terminate)?;
        let connects = || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .map(drop)
                .context("connecting to haproxy")
        };
        process.until_ready(SOON, connects).await?;
        Ok(Self { _process: process, place, port })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it said so far: a line for each request or connection, and who is up and down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("haproxy.log")).unwrap_or_default()
    }
}
