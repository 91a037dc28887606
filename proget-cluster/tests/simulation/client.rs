//! What clients want of a process, through the use-cases that HTTP handlers call; and what they saw, as facts
//! that can be held against the truth.

use super::duties::{DELETE_DELAY, TOIL};
use super::history::History;
use super::plain::{Cell, Plain, VERSIONS};
use super::process::ProcessClock;
use super::world::FEED;
use futures::StreamExt as _;
use proget_core::access::{Actor, Permission, Principal};
use proget_core::catalog::{Catalog, ChangeSet, JobChange, NewJob};
use proget_core::digest::DigestSet;
use proget_core::package::Offer;
use proget_core::registry::{Admission, Registry, Removal, Rendered};
use proget_core::{Artifact, Problem};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish {
    Publish(Cell),
    Remove(Cell),
    Read(Cell),
    /// The index document of the package of that number.
    Document(u64),
    /// A job of that key.
    Enqueue(u64),
    /// An operator confirms that deletes may go on.
    Confirm,
}

/// What it takes to fulfil wishes.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) seat: usize,
    pub(crate) registry: Arc<Registry>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<ProcessClock>,
    pub(crate) history: Arc<Mutex<History>>,
}

impl Wish {
    pub(crate) async fn carry_out(self, desk: Arc<Desk>) {
        let (seat, from) = (desk.seat, desk.clock.global());
        desk.history.lock().unwrap().note(from, || format!("{seat} begins {self:?}"));
        let outcome = desk.fulfil(self).await;
        let until = desk.clock.global();
        let mut history = desk.history.lock().unwrap();
        history.note(until, || format!("{seat} ends {self:?}: {outcome:?}"));
        match outcome {
            Ok(seen) => {
                for (cell, there) in seen {
                    history.saw((from, until), seat, cell, there);
                }
            }
            Err(Problem::Busy { .. }) => history.was_busy(from, until, &format!("{self:?} at {seat}")),
            // Bytes may go from under whoever reads for so long.
            Err(_) if until - from >= u64::try_from(DELETE_DELAY.as_micros()).unwrap() => {}
            Err(problem) => history.wrong(until, format!("{self:?} at {seat} came to {problem:?}")),
        }
    }
}

impl Desk {
    /// Facts: at some moment of the operation this version was there, or was not.
    async fn fulfil(&self, wish: Wish) -> Result<Vec<(Cell, bool)>, Problem> {
        match wish {
            Wish::Publish(cell) => {
                let admission = self.admit(Permission::Add).await?;
                let artifact = Artifact::in_memory(cell.bytes(), DigestSet::default());
                self.registry.publish(admission, &Plain, artifact, Offer::default()).await?;
                Ok(vec![(cell, true)])
            }
            Wish::Remove(cell) => {
                let admission = self.admit(Permission::Delete).await?;
                let (package, versions) = (cell.package(), Removal::Versions(vec![cell.key()]));
                absent(self.registry.remove(&admission, package.key(), None, versions).await)?;
                Ok(vec![(cell, false)])
            }
            Wish::Read(cell) => {
                let admission = self.admit(Permission::View).await?;
                let item = match self.registry.item(&admission, &cell.file()).await {
                    Err(Problem::NotFound(_)) => return Ok(vec![(cell, false)]),
                    item => item?,
                };
                let chunks: Vec<_> = self.registry.open(&item, None).await?.body.collect().await;
                let bytes = chunks.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
                if bytes != cell.bytes().as_bytes() {
                    let now = self.clock.global();
                    self.history.lock().unwrap().wrong(now, format!("{cell} has other bytes: {bytes:?}"));
                }
                Ok(vec![(cell, true)])
            }
            Wish::Document(name) => {
                let admission = self.admit(Permission::View).await?;
                let package = Cell { name, version: 0 }.package();
                let render = |rows: &proget_core::catalog::PackageRows| {
                    let versions = rows.versions.iter().map(|row| row.version.key().as_str());
                    let body = versions.collect::<Vec<_>>().join(" ").into();
                    Some(Rendered { body, gzip: None, content_type: "text/plain".into() })
                };
                let document = self.registry.document(&admission, package.key(), "index", render).await;
                let shown = match document {
                    Err(Problem::NotFound(_)) => String::new(),
                    document => String::from_utf8(document?.rendered.body.to_vec()).unwrap(),
                };
                let has = |version: u64| shown.split(' ').any(|one| one == version.to_string());
                let facts = (0..VERSIONS).map(|version| (Cell { name, version }, has(version)));
                Ok(facts.collect())
            }
            Wish::Enqueue(key) => {
                let job = NewJob {
                    kind: TOIL,
                    key: key.to_string(),
                    input: String::new(),
                    after: Duration::ZERO,
                    attempts: 1000,
                };
                let set = ChangeSet::by(Actor("client".into())).with(JobChange::Enqueue(job));
                self.catalog.commit(set).await?;
                Ok(Vec::new())
            }
            Wish::Confirm => {
                let stopped = self.catalog.instance().await?.deletes_stopped;
                if stopped.is_some() {
                    self.registry.confirm_deletes().await?;
                }
                Ok(Vec::new())
            }
        }
    }

    async fn admit(&self, permission: Permission) -> Result<Admission, Problem> {
        let feed = self.registry.feed(FEED).await?;
        self.registry.admit(&Principal::system(), &feed, permission)
    }
}

/// What was not there is gone too.
fn absent(outcome: Result<(), Problem>) -> Result<(), Problem> {
    match outcome {
        Err(Problem::NotFound(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Every wish of the last look at everything.
pub(crate) fn look_at_everything() -> impl Iterator<Item = Wish> {
    let documents = (0..super::plain::NAMES).map(Wish::Document);
    Cell::all().map(Wish::Read).chain(documents)
}
