//! An `Election` of one's own: leases in files of one folder, for processes of one machine. The suite
//! that every register runs says whether it keeps its promises.

use async_trait::async_trait;
use futures::FutureExt as _;
use proget_cluster::election::conformance::{Register, election};
use proget_cluster::election::{Election, ElectionError, Holding, Lease};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One file a role: its last term, who has it, and until when by the machine's clock. Each call holds
/// the system's lock on the file, so calls are judged one after the other.
#[derive(Debug)]
struct FolderElection(PathBuf);

/// What a file says.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    term: i64,
    holder: Option<Incarnation>,
    until: u64,
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl FolderElection {
    /// Reads a role's row, lets it be changed, and writes it: all under the lock.
    fn with<T>(&self, role: Role, work: impl FnOnce(&mut Row) -> T) -> Result<T, ElectionError> {
        let failed = |source: io::Error| ElectionError { doing: "a lease", source: Some(Box::new(source)) };
        let path = self.0.join(role.0);
        let work = || -> io::Result<T> {
            let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let mut row: Row = parse(&text).unwrap_or_default();
            let answer = work(&mut row);
            let holder = row.holder.map_or_else(|| "-".to_owned(), |holder| holder.to_string());
            file.rewind()?;
            file.set_len(0)?;
            write!(file, "{} {holder} {}", row.term, row.until)?;
            Ok(answer)
        };
        work().map_err(failed)
    }
}

fn parse(text: &str) -> Option<Row> {
    let mut words = text.split(' ');
    let (term, holder, until) = (words.next()?, words.next()?, words.next()?);
    let holder = holder.parse().ok().map(Incarnation);
    Some(Row { term: term.parse().ok()?, holder, until: until.parse().ok()? })
}

#[async_trait]
impl Election for FolderElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        self.with(role, |row| {
            if row.until > now() {
                return None;
            }
            *row = Row { term: row.term.max(floor) + 1, holder: Some(me), until: now() + millis(lease) };
            Some(row.term)
        })
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        let mut prolonged = Vec::new();
        for one in held {
            self.with(one.role, |row| {
                if row.term == one.term && row.holder == Some(me) && row.until > now() {
                    row.until = now() + millis(lease);
                    prolonged.push(*one);
                }
            })?;
        }
        Ok(prolonged)
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        self.with(held.role, |row| {
            if row.term == held.term && row.holder == Some(me) {
                row.until = row.until.min(now());
            }
        })
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        let one = |role: &Role| {
            self.with(*role, |row| Lease {
                role: *role,
                term: row.term,
                holder: row.holder,
                since: None,
                left: row.until.checked_sub(now()).filter(|left| *left > 0).map(Duration::from_millis),
            })
        };
        roles.iter().map(one).collect()
    }
}

/// A fresh folder for each promise that is tried; time passes by making its leases older.
fn fresh(folders: &tempfile::TempDir) -> Register {
    let folder = folders.path().join(Incarnation::random().to_string());
    std::fs::create_dir(&folder).unwrap_or_default();
    let way = || Arc::new(FolderElection(folder.clone())) as Arc<dyn Election>;
    let elections = vec![way(), way()];
    let pass = Arc::new(move |time: Duration| {
        let leases = FolderElection(folder.clone());
        for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name: &'static str = file.file_name().to_string_lossy().into_owned().leak();
            let aged = leases.with(Role(name), |row| row.until = row.until.saturating_sub(millis(time)));
            drop(aged);
        }
        std::future::ready(()).boxed()
    });
    Register { elections, pass }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let folders = tempfile::tempdir()?;
    election(|| std::future::ready(fresh(&folders))).await;
    println!("leases in files keep every promise of a register");
    Ok(())
}
