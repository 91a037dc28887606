//! Sweeping: giving back the space of bytes that nobody refers to, without ever racing a push.
//!
//! A blob dies in steps, each a fenced commit that compares what was read before references were
//! counted: *live* → *condemned* (a push that comes now revives it) → *doomed* (the row is gone,
//! the foreign key has vouched that nobody refers to it, and a push gets a new key) → its bytes are
//! deleted, long enough later for every reader and every lost commit to have become known. Keys
//! are never reused, so a deleter that wakes up late deletes nothing that lives. The journal says of
//! each key when it was doomed, why and in which term of the sweeper, and when its bytes were deleted.

use super::{Registry, system_actor};
use crate::blob::{BlobKey, BlobStore};
use crate::catalog::{
    Action, BlobChange, BlobWanted, CatalogError, Change, ChangeSet, Conflict, Fence, FenceChange,
    JournalEntry, Role,
};
use crate::feed::StoreName;
use crate::problem::{Problem, chain};
use futures::StreamExt as _;
use std::time::Duration;

/// How a sweep goes about it.
#[derive(Debug, Clone, Copy)]
pub struct SweepOptions {
    /// How long doomed bytes are kept. Longer than the longest download, the life of a signed
    /// address and the worst loss of a database fail-over. Default 10 minutes.
    pub delete_delay: Duration,
    /// How long to wait before the witness is read again, to catch a second database that writes
    /// to the same store. Default 2 seconds; zero looks again at once.
    pub witness_wait: Duration,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self { delete_delay: Duration::from_secs(600), witness_wait: Duration::from_secs(2) }
    }
}

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Blobs found without references, condemned.
    pub condemned: u64,
    /// Condemned blobs that nobody has referred to since: their rows are deleted. Each blob that was
    /// condemned and is neither doomed nor condemned any more was revived by a push.
    pub doomed: u64,
    /// Uploads that died before their commit: their rows are deleted.
    pub abandoned: u64,
    /// Keys found in a store that nothing named, doomed.
    pub strays: u64,
    /// Blobs whose bytes were deleted.
    pub deleted: u64,
    /// Doomed keys that are not yet ripe.
    pub waiting: u64,
    /// Uploads of dead processes, removed from staging.
    pub leftovers: u64,
    /// Why nothing was doomed or deleted, if nothing was.
    pub deletes_stopped: Option<String>,
}

/// Why blobs are doomed, for the journal.
const UNFINISHED: &str = "was uploaded by somebody who did not come to the end";
const UNWANTED: &str = "was condemned, and no file refers to it";
const UNNAMED: &str = "lies in the store, and nothing names it";
const RIPE: &str = "was doomed long enough ago";

/// What is done with blobs that a sweep finds.
#[derive(Debug, Clone, Copy)]
enum Step {
    Condemn,
    /// For this reason.
    Doom(&'static str),
}

/// So many rows or keys are looked at in one go.
pub(super) const BATCH: u32 = 500;

impl Registry {
    /// Sweeps once. Planting its fence makes any other sweep that still runs fail harmlessly.
    ///
    /// # Errors
    /// `Busy` if a dependency is away or another sweep has taken over; what was done stays done.
    pub async fn sweep(&self, options: SweepOptions) -> Result<SweepReport, Problem> {
        let fence = self.plant(Role::SWEEPER).await?;
        self.sweep_under(fence, options).await
    }

    /// Sweeps once under a fence for [`Role::SWEEPER`] that an election has given and that is planted.
    ///
    /// # Errors
    /// As [`sweep`](Self::sweep).
    pub async fn sweep_under(&self, fence: Fence, options: SweepOptions) -> Result<SweepReport, Problem> {
        // Uploads of dead processes are this store's own business and harm nobody.
        let leftovers = self.packages.staging().sweep().await?.removed;
        let mut report = SweepReport { leftovers, ..SweepReport::default() };
        report.deletes_stopped = self.check_witness(fence, options.witness_wait).await?;
        if report.deletes_stopped.is_some() {
            return Ok(report);
        }
        // Doom before condemning, so that what is condemned now has until the next round to be revived.
        report.abandoned += self.each(fence, BlobWanted::Abandoned, Step::Doom(UNFINISHED)).await?;
        report.doomed += self.each(fence, BlobWanted::Condemned, Step::Doom(UNWANTED)).await?;
        report.condemned += self.each(fence, BlobWanted::Unreferenced, Step::Condemn).await?;
        for (name, store) in self.packages.stores() {
            report.strays += self.doom_strays(fence, name, &**store).await?;
            let (deleted, waiting) = self.delete_ripe(fence, name, &**store, options.delete_delay).await?;
            report.deleted += deleted;
            report.waiting += waiting;
        }
        Ok(report)
    }

    /// Takes a duty from whoever holds it. With the cluster an election decides who may; the fence
    /// alone already makes it safe.
    async fn plant(&self, role: Role) -> Result<Fence, Problem> {
        let holder = self.incarnation;
        for _ in 0..8 {
            let term = self.fresh.read().fence(role).await?.map_or(1, |row| row.term + 1);
            let plant = ChangeSet::by(system_actor()).with(FenceChange::Plant { role, term, holder });
            match self.fresh.commit(plant).await {
                Ok(_) => return Ok(Fence { role, term, holder }),
                Err(CatalogError::Conflict(Conflict::TermTooLow)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::busy("this duty, which others are taking at this moment"))
    }

    /// One fenced change; says whether it was made. "Somebody touched it" is no error here.
    pub(super) async fn fenced(&self, fence: Fence, change: impl Into<Change>) -> Result<bool, Problem> {
        self.under(fence, ChangeSet::by(system_actor()).with(change)).await
    }

    /// The same for a step of a blob's death that cannot be taken back, told in the journal.
    async fn told(
        &self,
        fence: Fence,
        change: BlobChange,
        action: Action,
        subject: String,
    ) -> Result<bool, Problem> {
        let subject = format!("{subject} (term {} of the {})", fence.term, fence.role);
        let entry = JournalEntry { action, feed: None, subject };
        self.under(fence, ChangeSet::by(system_actor()).with(change).record(entry)).await
    }

    async fn under(&self, fence: Fence, changes: ChangeSet) -> Result<bool, Problem> {
        match self.fresh.commit(changes.fenced(fence)).await {
            Ok(_) => Ok(true),
            Err(CatalogError::Conflict(Conflict::BlobTouched | Conflict::Absent)) => Ok(false),
            Err(CatalogError::Fenced) => Err(Problem::busy("sweeping, which another process has taken over")),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes each of the wanted blobs one step further.
    async fn each(&self, fence: Fence, wanted: BlobWanted, step: Step) -> Result<u64, Problem> {
        let (mut changed, mut after) = (0, None);
        loop {
            let rows = self.fresh.read().blobs(wanted, after, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(changed) };
            after = Some(last.id);
            for row in &rows {
                let (id, touched) = (row.id, row.touched);
                let done = match step {
                    Step::Condemn => self.fenced(fence, BlobChange::Condemn { id, touched }).await?,
                    Step::Doom(why) => {
                        let subject = subject(&row.store, &row.key, why);
                        self.told(fence, BlobChange::Doom { id, touched }, Action::BlobDoomed, subject)
                            .await?
                    }
                };
                changed += u64::from(done);
            }
        }
    }

    /// Dooms keys that lie in the store although nothing names them. The question begins after the
    /// listing has shown the key, so a row written before the bytes were put is always seen.
    async fn doom_strays(
        &self,
        fence: Fence,
        name: &StoreName,
        store: &dyn BlobStore,
    ) -> Result<u64, Problem> {
        let mut strays = 0;
        let mut listing = store.list().chunks(BATCH as usize);
        while let Some(heads) = listing.next().await {
            let heads = heads.into_iter().collect::<Result<Vec<_>, _>>()?;
            let keys: Vec<BlobKey> = heads.iter().map(|head| head.key).collect();
            for key in self.fresh.read().strays(name, &keys).await? {
                let doom = BlobChange::DoomStray { store: name.clone(), key };
                let subject = subject(name, &key, UNNAMED);
                strays += u64::from(self.told(fence, doom, Action::BlobDoomed, subject).await?);
            }
        }
        Ok(strays)
    }

    async fn delete_ripe(
        &self,
        fence: Fence,
        name: &StoreName,
        store: &dyn BlobStore,
        delay: Duration,
    ) -> Result<(u64, u64), Problem> {
        let mut deleted = 0;
        loop {
            let rows = self.fresh.read().doomed(name, delay, BATCH).await?;
            let waiting = rows.iter().filter(|row| !row.ripe).count() as u64;
            let mut progress = false;
            for row in rows.iter().filter(|row| row.ripe) {
                // The last look: still doomed, and this process still the sweeper's holder or harmless.
                if !self.fresh.read().is_ripe(name, &row.key, delay).await? {
                    continue;
                }
                if let Err(error) = store.delete(&row.key).await {
                    if error.is_retryable() {
                        return Err(error.into());
                    }
                    // One key that cannot be deleted must not keep the others.
                    tracing::warn!(key = %row.key, cause = chain(&error), "a doomed blob cannot be deleted");
                    continue;
                }
                let forget = BlobChange::Forget { store: name.clone(), key: row.key };
                let subject = subject(name, &row.key, RIPE);
                let forgotten = self.told(fence, forget, Action::BlobDeleted, subject).await?;
                deleted += u64::from(forgotten);
                progress |= forgotten;
            }
            if !progress || (rows.len() as u32) < BATCH {
                return Ok((deleted, waiting));
            }
        }
    }
}

fn subject(store: &StoreName, key: &BlobKey, why: &str) -> String {
    format!("blob {key} in store {store} {why}")
}
