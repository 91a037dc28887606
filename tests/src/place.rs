//! A temporary directory and whoever clears it up when we cannot.
//!
//! Dropping a value clears up in the ordinary case. Two cases are left: values in statics are
//! never dropped, and a test program can be killed. So every [`Place`] has a reaper: a tiny
//! shell in a process group of its own that reads a pipe from us. As long as we live it learns
//! which process runs here; when the pipe closes, however we ended, it ends that process by its
//! id and removes the directory.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::Outcome;
use crate::process::Signal;
use crate::program::User;

/// Reads `run <signal> <pid>`, `rest` and `bye`; at the end of input it clears up.
///
/// `kill` is the shell's own, so that a bare machine without procps will do. The signal is first
/// a polite one (a database removes its shared memory), then, five seconds later, SIGKILL to the
/// whole group.
const REAPER: &str = r#"
pid=
while read -r word signal id; do
    case $word in
        run) pid=$id how=$signal ;;
        rest) pid= ;;
        bye) exit 0 ;;
    esac
done
if [ -n "$pid" ]; then
    kill -s "$how" "$pid" 2>/dev/null
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$pid" 2>/dev/null
fi
rm -rf -- "$1"
"#;

/// A directory of one service, removed with it.
#[derive(Debug)]
pub(crate) struct Place {
    directory: Option<TempDir>,
    path: PathBuf,
    reaper: Mutex<Option<(Child, ChildStdin)>>,
}

impl Place {
    /// Makes an empty directory whose name begins with `proget-<name>-`, for processes of `owner`.
    pub(crate) fn new(name: &str, owner: Option<User>) -> Outcome<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("proget-{name}-"))
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .context("making a temporary directory")?;
        if let Some(owner) = owner {
            chown(directory.path(), Some(owner.uid), Some(owner.gid))?;
        }
        let path = directory.path().to_owned();
        let mut reaper = Command::new("sh")
            .args(["-c", REAPER, "proget-test-reaper"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("starting the reaper of a test directory")?;
        let pipe = reaper.stdin.take().context("the reaper has no pipe")?;
        Ok(Self { directory: Some(directory), path, reaper: Mutex::new(Some((reaper, pipe))) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the reaper which process runs here and which signal ends it tidily.
    pub(crate) fn occupied_by(&self, id: u32, last: Signal) {
        self.tell(&format!("run {} {id}\n", last.name()));
    }

    /// Tells the reaper that no process runs here any more (its id may soon be somebody else's).
    pub(crate) fn empty(&self) {
        self.tell("rest\n");
    }

    fn tell(&self, line: &str) {
        let mut reaper = self.reaper.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, pipe)) = reaper.as_mut() {
            // A reaper that is gone cannot be told anything; drop still clears up.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.directory.take());
        self.tell("bye\n");
        let reaper = self.reaper.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((mut child, pipe)) = reaper.take() {
            drop(pipe);
            let _ = child.wait();
        }
    }
}
