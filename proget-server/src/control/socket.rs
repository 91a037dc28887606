//! The running server's end: a Unix socket in the data directory, through which the command line
//! works while the server owns the SQLite file. Orders come as one line of JSON each; every answer is
//! a few lines of progress and one that ends it.
//!
//! Who may: the user that the server runs as, and root. The socket's mode says so, and so does the
//! kernel when it is asked who is at the other end.

use super::order::{Failure, Order, Reply};
use super::{execute, place};
use proget_cluster::node::Cluster;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Longest order, in bytes.
const LONGEST_ORDER: u64 = 64 << 10;

/// Why the socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another server answers there.
    #[error("another server uses the data directory {}; stop it, or give this one a data directory of its own", .0.display())]
    Taken(PathBuf),
    /// The system refuses.
    #[error("cannot open the control socket {}; let the server's user write into its directory", path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The open socket; dropped, it is closed and its file removed.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    _serving: AbortOnDropHandle<()>,
}

impl ControlSocket {
    /// Opens the socket of a data directory and serves it in the background.
    ///
    /// # Errors
    /// `Taken` if another server answers there; a file left behind by a killed one is replaced.
    pub async fn open(data_dir: &Path, cluster: Arc<Cluster>) -> Result<Self, ControlError> {
        let path = place::socket_in(data_dir);
        let refused = |source| ControlError::Refused { path: path.clone(), source };
        let short = place::short(&path).map_err(refused)?;
        if UnixStream::connect(short.path()).await.is_ok() {
            return Err(ControlError::Taken(data_dir.to_owned()));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(error)),
            _ => {}
        }
        let listener = UnixListener::bind(short.path()).map_err(refused)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
        let serving = AbortOnDropHandle::new(tokio::spawn(accept(listener, cluster)));
        Ok(Self { path, _serving: serving })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(socket = %self.path.display(), %error, "the control socket's file was gone already");
        }
    }
}

async fn accept(listener: UnixListener, cluster: Arc<Cluster>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let cluster = cluster.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &cluster).await {
                        tracing::debug!(%error, "the sender of an order left");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the control socket");
                // Out of file handles: without a pause this would take a whole core.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, cluster: &Cluster) -> io::Result<()> {
    let sender = stream.peer_cred()?.uid();
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input.take(LONGEST_ORDER));
    let mut line = String::new();
    // Read also what will be refused: closing with bytes unread would take our answer back.
    input.read_line(&mut line).await?;
    if sender != 0 && sender != rustix::process::geteuid().as_raw() {
        tracing::warn!(uid = sender, "refused an order from another user");
        let what = "only the server's own user and root may give orders".to_owned();
        return write(&mut output, &Reply::Failed(Failure(what))).await;
    }
    let order: Order = match serde_json::from_str(&line) {
        Ok(order) => order,
        Err(error) => {
            let what = format!("this server does not understand the order; is it another build? ({error})");
            return write(&mut output, &Reply::Failed(Failure(what))).await;
        }
    };
    let (tell, mut told) = mpsc::channel(1);
    // What does not fit at this moment is told by a later one.
    let progress = move |progress| drop(tell.try_send(Reply::Progress(progress)));
    let work = async {
        match execute(&order, cluster, progress).await {
            Ok(outcome) => Reply::Done(outcome),
            Err(failure) => Reply::Failed(failure),
        }
    };
    let mut work = std::pin::pin!(work);
    let mut rest = [0; 1];
    loop {
        tokio::select! {
            reply = &mut work => return write(&mut output, &reply).await,
            Some(reply) = told.recv() => write(&mut output, &reply).await?,
            // The sender says nothing more; when it leaves, its order ends.
            _ = input.read(&mut rest) => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

async fn write(output: &mut OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    output.write_all(&line).await
}
