//! One running program: started in its own process group, with its output in a file, ended by id.
//!
//! Not here: what the program is. Databases, nginx and the server build on this.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::place::Place;
use crate::program::User;
use crate::{Outcome, eventually};

/// What can be sent to a process here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Please end (SIGTERM).
    Terminate,
    /// End, and do not wait for your clients (SIGINT; PostgreSQL's "fast shutdown").
    Interrupt,
    /// End at once, but take your shared memory with you (SIGQUIT; PostgreSQL).
    Quit,
    /// End without a word (SIGKILL).
    Kill,
    /// Freeze (SIGSTOP).
    Stop,
    /// Go on (SIGCONT).
    Continue,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }

    fn raw(self) -> rustix::process::Signal {
        use rustix::process::Signal as Raw;
        match self {
            Self::Terminate => Raw::TERM,
            Self::Interrupt => Raw::INT,
            Self::Quit => Raw::QUIT,
            Self::Kill => Raw::KILL,
            Self::Stop => Raw::STOP,
            Self::Continue => Raw::CONT,
        }
    }
}

/// A started program. Dropped, it is ended with its whole group.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    place: Arc<Place>,
    last: Signal,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` as `user` with its output appended to `<name>.log` in the place.
    ///
    /// `last` is the signal that ends it at once but leaves nothing behind outside its directory.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        user: Option<User>,
        place: &Arc<Place>,
        last: Signal,
    ) -> Outcome<Self> {
        let log = place.path().join(format!("{name}.log"));
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        settle(&mut command, user, place);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        place.occupied_by(child.id(), last);
        Ok(Self { name: name.to_owned(), child, log, place: Arc::clone(place), last, status: None })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far; the last 200 lines.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(200)..].join("\n")
    }

    /// How it ended, or nothing while it runs. What it left behind in its group is ended with it.
    pub(crate) fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        if self.status.is_none() && self.has_exited() {
            // Before it is waited for: as long as the leader is not buried, its id, which is also
            // the group's, can be nobody else's.
            let _ = kill_process_group(Pid::from_child(&self.child), rustix::process::Signal::KILL);
            self.status = Some(self.child.wait().with_context(|| format!("asking how {} ended", self.name))?);
            self.place.empty();
        }
        Ok(self.status)
    }

    /// Whether the leader has ended, without burying it.
    fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(Some(_)))
    }

    /// Sends a signal to this process alone, not to its group.
    pub(crate) fn signal(&mut self, signal: Signal) -> Outcome {
        if let Some(status) = self.ended()? {
            bail!(
                "{} cannot be sent {signal:?}, it has ended with {status}; its log:\n{}",
                self.name,
                self.log()
            );
        }
        kill_process(Pid::from_child(&self.child), signal.raw())
            .with_context(|| format!("sending {signal:?} to {}", self.name))?;
        if signal == Signal::Stop { self.until_stopped() } else { Ok(()) }
    }

    /// Waits until every thread stands still: one that runs on another processor goes on for a
    /// moment after the signal has been sent, long enough to answer a request.
    fn until_stopped(&self) -> Outcome {
        let end = Instant::now() + Duration::from_secs(10);
        while !all_stopped(self.id())? {
            if Instant::now() >= end {
                bail!("{} has not stopped 10 s after it was told to", self.name);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Sends `signal` and waits until it has ended.
    pub(crate) async fn end(&mut self, signal: Signal, limit: Duration) -> Outcome<ExitStatus> {
        self.signal(signal)?;
        self.until_ended(limit).await
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn until_ended(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let what = format!("{} has ended", self.name);
        let result = eventually(&what, limit, || {
            let ended = self.ended();
            async move { ended?.ok_or_else(|| anyhow!("it still runs")) }
        })
        .await;
        result.map_err(|error| error.context(format!("its log:\n{}", self.log())))
    }

    /// Asks `probe` until it succeeds; gives up at once when the process has ended.
    pub(crate) async fn until_ready<F>(&mut self, limit: Duration, probe: impl Fn() -> F) -> Outcome
    where
        F: Future<Output = Outcome>,
    {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status} before it was ready; its log:\n{}", self.name, self.log());
            }
            match tokio::time::timeout(Duration::from_secs(5), probe()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if Instant::now() >= end => {
                    let log = self.log();
                    return Err(
                        error.context(format!("{} was not ready in {limit:?}; its log:\n{log}", self.name))
                    );
                }
                Err(_) if Instant::now() >= end => {
                    bail!("{} did not answer in {limit:?}; its log:\n{}", self.name, self.log())
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = Pid::from_child(&self.child);
        if self.status.is_none() {
            let _ = kill_process(id, self.last.raw());
            // A frozen process takes its signal when it goes on.
            let _ = kill_process(id, rustix::process::Signal::CONT);
            let end = Instant::now() + Duration::from_secs(5);
            while !self.has_exited() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Now for certain, with everything it started; a group that is gone already is no harm.
            let _ = kill_process_group(id, rustix::process::Signal::KILL);
            let _ = self.child.wait();
            self.place.empty();
        }
    }
}

/// Makes `command` run as `user` with nothing but the place to write to.
fn settle(command: &mut Command, user: Option<User>, place: &Place) {
    command.current_dir(place.path()).env("TMPDIR", place.path());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
}

/// Runs a short preparing command to its end and fails with its output if it fails.
///
/// Its output goes to a file and not to pipes: a child that it leaves behind would keep a pipe open.
pub(crate) async fn run_to_end(
    name: &str,
    mut command: Command,
    user: Option<User>,
    place: &Place,
) -> Outcome {
    let log = place.path().join(format!("{name}.log"));
    let output = File::create(&log)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    settle(&mut command, user, place);
    let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    if !status.success() {
        bail!("{name} ended with {status}; it said:\n{}", fs::read_to_string(&log).unwrap_or_default());
    }
    Ok(())
}

/// The ids of the direct children of a process, from `/proc`.
pub(crate) fn children_of(id: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Sends a signal to a process that we have not started ourselves; one that has ended is no failure.
pub(crate) fn signal_process(id: u32, signal: Signal) -> Outcome {
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return Ok(()) };
    match kill_process(pid, signal.raw()) {
        Err(error) if error != rustix::io::Errno::SRCH => {
            Err(error).with_context(|| format!("sending {signal:?} to process {id}"))
        }
        _ => Ok(()),
    }
}

/// Whether all threads of a process are stopped.
fn all_stopped(id: u32) -> Outcome<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread that is gone is no longer running either.
        let stat = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        if stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['T', 't', 'Z', 'X']))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a process with this id exists (an ended one that nobody has waited for does not count).
pub(crate) fn is_alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The state follows the program's name, which stands in parentheses and may contain spaces.
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
