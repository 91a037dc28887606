//! Hints between processes of one machine, through a Unix socket that only their own user may open.
//!
//! One process *hosts*: it holds the lock on a file beside the socket, listens, and passes on what any of
//! the others says. When it ends, however it ends, the operating system frees the lock and another one
//! hosts. Nobody judges by the socket alone whether it is stale: two processes that both found it
//! so would each remove the other's new one.

use super::backoff::Backoff;
use super::hub::{Hub, Mailbox};
use super::wire::{self, LONGEST};
use super::{Hint, LinkStatus, Messenger, MessengerError, MessengerStatus, PeerView, Topics};
use futures::stream::BoxStream;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many other processes the host lets in.
const MOST_GUESTS: usize = 256;
/// How long a process may leave a hint unread before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process is to the others of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is connected to none.
    Alone,
    /// It passes hints on between so many others.
    Hosting(usize),
    /// It is connected to the one that hosts.
    Guest,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// This process's own listeners.
    local: Hub,
    /// The connections to others.
    outgoing: Hub,
    standing: watch::Sender<Standing>,
}

/// Hints between processes of one machine. It ends when it is dropped.
#[derive(Debug)]
pub struct UnixMessenger {
    shared: Arc<Shared>,
    _tasks: DropGuard,
}

impl UnixMessenger {
    /// Begins, within the current tokio runtime; all processes are given the same path, in a directory
    /// on a disk of this machine. Beside the socket lies a file with `.lock` after its name, for good.
    ///
    /// # Errors
    /// Something that is no socket is in its place, or the lock's file cannot be made.
    pub fn start(path: impl Into<PathBuf>) -> Result<Self, MessengerError> {
        let path = path.into();
        match fs::symlink_metadata(&path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(MessengerError::NoSocket { path: path.display().to_string() });
            }
            _ => {}
        }
        let beside = beside(&path, ".lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&beside);
        let lock =
            lock.map_err(|source| MessengerError::Path { path: beside.display().to_string(), source })?;
        let standing = watch::Sender::new(Standing::Alone);
        let shared = Arc::new(Shared { path, local: Hub::default(), outgoing: Hub::default(), standing });
        let stop = CancellationToken::new();
        let (work, stopped) = (attend(shared.clone(), lock), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(work).await });
        Ok(Self { shared, _tasks: stop.drop_guard() })
    }

    /// What this process is to the others, and what it becomes.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.shared.standing.subscribe()
    }
}

impl Messenger for UnixMessenger {
    fn hint(&self, hint: Hint) {
        self.shared.local.post(hint);
        self.shared.outgoing.post(hint);
    }

    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint> {
        self.shared.local.stream(topics)
    }

    /// Hints are not counted here: the host cannot tell whom it passed them on to.
    fn status(&self) -> Option<MessengerStatus> {
        let path = self.shared.path.display();
        let peers = match *self.shared.standing.borrow() {
            Standing::Alone => Vec::new(),
            Standing::Hosting(guests) => (0..guests).map(|guest| format!("guest {}", guest + 1)).collect(),
            Standing::Guest => vec!["host".to_owned()],
        };
        let connected =
            |address| PeerView { address, node: None, link: LinkStatus::Connected, problem: None, for_ms: 0 };
        let peers = peers.into_iter().map(connected).collect();
        let endpoint = format!("unix://{path}");
        Some(MessengerStatus { endpoint, sent: 0, heard: 0, other_keys: 0, strangers: 0, peers })
    }
}

impl Drop for UnixMessenger {
    fn drop(&mut self) {
        self.shared.local.close();
        self.shared.outgoing.close();
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Hosts if nobody does, else is a guest, again and again.
async fn attend(shared: Arc<Shared>, lock: File) {
    // Kept while there is no host, so that what is said meanwhile is told to the next one.
    let mailbox = shared.outgoing.mailbox(Topics::ALL);
    let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_secs(1));
    let mut told = String::new();
    loop {
        let over = match Seat::take(&shared.path, &lock) {
            Ok(Some((seat, listener))) => host(&shared, listener, seat).await,
            Ok(None) => visit(&shared, &mailbox, &mut backoff).await,
            Err(error) => error,
        };
        shared.standing.send_replace(Standing::Alone);
        let problem = over.to_string();
        if problem != told {
            tracing::info!(path = %shared.path.display(), problem, "no other process to give hints to");
            told = problem;
        }
        sleep(backoff.wait()).await;
    }
}

/// The right to host; giving it up takes the socket away first.
struct Seat<'a> {
    path: &'a Path,
    lock: &'a File,
}

impl<'a> Seat<'a> {
    /// Takes the seat if it is free, and puts a new socket into the place of whatever socket is there.
    fn take(path: &'a Path, lock: &'a File) -> io::Result<Option<(Self, UnixListener)>> {
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let seat = Self { path, lock };
        let fresh = beside(path, ".new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&fresh)?;
        // Nobody can know it under its own name before it is closed to other users.
        fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        fs::rename(&fresh, path)?;
        Ok(Some((seat, listener)))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // What remains after a failure is a stale socket, which the next host replaces.
        let _ = fs::remove_file(self.path);
        let _ = self.lock.unlock();
    }
}

/// Lets the others in until listening fails.
async fn host(shared: &Arc<Shared>, listener: UnixListener, _seat: Seat<'_>) -> io::Error {
    shared.standing.send_replace(Standing::Hosting(0));
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            guest = listener.accept() => match guest {
                Ok((stream, _)) if guests.len() < MOST_GUESTS => {
                    let (shared, mailbox) = (shared.clone(), shared.outgoing.mailbox(Topics::ALL));
                    guests.spawn(async move { converse(stream, &shared, &mailbox).await });
                }
                Ok(_) => tracing::debug!("a process was sent away: too many are connected"),
                Err(error) => return error,
            },
            Some(_) = guests.join_next() => {}
        }
        shared.standing.send_replace(Standing::Hosting(guests.len()));
    }
}

/// Is a guest until the host is gone.
async fn visit(shared: &Arc<Shared>, mailbox: &Arc<Mailbox>, backoff: &mut Backoff) -> io::Error {
    match timeout(PATIENCE, UnixStream::connect(&shared.path)).await {
        Ok(Ok(stream)) => {
            backoff.reset();
            shared.standing.send_replace(Standing::Guest);
            converse(stream, shared, mailbox).await
        }
        Ok(Err(error)) => error,
        Err(_) => ErrorKind::TimedOut.into(),
    }
}

/// Tells what waits, hears what is said and passes it on, until the other end is gone or talks nonsense.
async fn converse(mut stream: UnixStream, shared: &Shared, mailbox: &Arc<Mailbox>) -> io::Error {
    let (mut reader, mut writer) = stream.split();
    let hear = async {
        let mut room = [0; LONGEST];
        loop {
            let frame = match wire::read(&mut reader, &mut room).await {
                Ok(frame) => frame,
                Err(error) => return error,
            };
            if let Some(hint) = wire::decode(frame) {
                shared.local.post(hint);
                // A guest has no other connection; so this is the host's alone.
                shared.outgoing.post_but(hint, Some(mailbox));
            }
        }
    };
    let tell = async {
        while let Some(hint) = mailbox.next().await {
            match timeout(PATIENCE, wire::write(&mut writer, &wire::encode(hint))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return ErrorKind::TimedOut.into(),
            }
        }
        ErrorKind::ConnectionAborted.into()
    };
    tokio::select! { error = hear => error, error = tell => error }
}
