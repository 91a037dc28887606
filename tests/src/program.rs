//! Where the programs are that the kit starts, and as whom they run.
//!
//! Debian keeps the servers outside of an ordinary PATH (PostgreSQL even in a folder per
//! version), and two of them refuse to run as root. Both facts live here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::Outcome;

/// Looks a program up in PATH, in the system folders that an ordinary PATH lacks, and in
/// PostgreSQL's versioned folders (highest version first).
pub(crate) fn find(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders.extend(postgres_folders());
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file()).ok_or_else(|| {
        anyhow!("the program {name} is not installed: run ./test.sh, which installs what the tests need")
    })
}

/// `/usr/lib/postgresql/<version>/bin`, newest first. Only `psql` and its like are on the PATH.
fn postgres_folders() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// A user of this machine, as the kernel knows him.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The user a service should run as: `name` if we are root (a database refuses to run as root),
/// otherwise nobody else, since only root can change users.
pub(crate) fn service_user(name: &str) -> Outcome<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("reading the list of users")?;
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|entry| entry[0] == name);
    let Some([_, _, uid, gid, ..]) = entry.as_deref() else {
        return Err(anyhow!("there is no user {name}: run ./test.sh, which installs what the tests need"));
    };
    Ok(Some(User { uid: uid.parse()?, gid: gid.parse()? }))
}

/// The root of the workspace that these tests belong to.
pub(crate) fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}
