//! Starting this binary again, for what needs a process or a mount namespace of its own.

use std::process::{Command, Stdio};

/// The variable that tells a `child_…` test where to work; without it such a test fails, so that it
/// can not pass for a proof.
pub(crate) const PLACE: &str = "PROGET_TEST_PLACE";

/// Where a child was told to work.
pub(crate) fn place() -> std::path::PathBuf {
    std::env::var_os(PLACE).expect("this test is a part of another one, which starts it").into()
}

/// A command that runs the ignored test `name` (with its module) in `place`.
pub(crate) fn command(name: &str, place: &std::path::Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    arm(&mut command, name, place);
    command
}

fn arm(command: &mut Command, name: &str, place: &std::path::Path) {
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(PLACE, place);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
}

/// Runs the ignored test `name` after `mounts` (shell commands that know `$PROGET_TEST_PLACE`) in a
/// mount namespace of its own: nothing stays mounted, and no rights are needed where the kernel
/// lets users make namespaces.
pub(crate) fn run_with_mounts(name: &str, place: &std::path::Path, mounts: &str) {
    let script = format!("set -e; {mounts}; exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]).arg(script);
    command.arg(std::env::current_exe().unwrap());
    arm(&mut command, name, place);
    let done = command.output().expect("unshare (util-linux) starts");
    let said = String::from_utf8_lossy(&done.stdout);
    // Zero tests run would also be a success.
    assert!(done.status.success() && said.contains("1 passed"), "{name}: {}\n{said}", done.status);
}
