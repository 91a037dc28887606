//! The command line's end of the socket.

use super::order::{Failure, Order, Outcome, Progress, Reply};
use super::place;
use std::path::Path;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// A connection to a running server.
#[derive(Debug)]
pub struct Channel(UnixStream);

impl Channel {
    /// Connects to the server of a data directory; `None` if none answers there.
    ///
    /// # Errors
    /// If one is there and we may not speak to it.
    pub async fn to(data_dir: &Path) -> Result<Option<Self>, Failure> {
        let path = place::socket_in(data_dir);
        let connected = match place::short(&path) {
            Ok(short) => UnixStream::connect(short.path()).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => Ok(Some(Self(stream))),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(Failure(format!(
                "a server may be running, but user {} may not use its socket {}; be the server's user or root",
                rustix::process::geteuid().as_raw(),
                path.display()
            ))),
            Err(_) => Ok(None),
        }
    }

    /// Sends an order and waits for what comes of it. Dropping the future ends the order.
    ///
    /// # Errors
    /// The server's own sentence, or that it went away.
    pub async fn send(self, order: &Order, mut progress: impl FnMut(Progress)) -> Result<Outcome, Failure> {
        let gone = || {
            let advice = "look at its log, and find out whether the order was carried out";
            Failure(format!("the server went away before it answered; {advice}"))
        };
        let mut line = serde_json::to_vec(order).map_err(|error| Failure(error.to_string()))?;
        line.push(b'\n');
        let (input, mut output) = self.0.into_split();
        output.write_all(&line).await.map_err(|_| gone())?;
        let mut lines = BufReader::new(input).lines();
        while let Some(line) = lines.next_line().await.map_err(|_| gone())? {
            match serde_json::from_str(&line) {
                Ok(Reply::Progress(so_far)) => progress(so_far),
                Ok(Reply::Done(outcome)) => return Ok(outcome),
                Ok(Reply::Failed(failure)) => return Err(failure),
                Err(_) => return Err(Failure("the server is of another build: use its own 'proget'".into())),
            }
        }
        Err(gone())
    }
}
