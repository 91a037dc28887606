//! Publishing, as the numbered steps it consists of.
//!
//! Steps 1 (may this caller publish here?) and 2 (receive the bytes) are behind the caller when
//! it comes here: it brings an [`Admission`] and an [`Artifact`]. Bytes are put before the row
//! that names them; the one commit of step 7 is the moment of publication: nobody sees anything
//! before it, everybody everything after it.

use super::policy::Candidate;
use super::runtime::offloaded;
use super::{Admission, Registry};
use crate::access::Permission;
use crate::artifact::Artifact;
use crate::blob::{BlobKey, StoreError};
use crate::catalog::{
    Action, BlobChange, BlobRow, BlobState, CatalogError, ChangeSet, Conflict, Expect, JournalEntry, NewFile,
    PackageChange,
};
use crate::feed::{Overwrite, StoreName};
use crate::format::FeedFormat;
use crate::package::{FileRef, Manifest, NameKey, Offer};
use crate::problem::Problem;
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;

/// For how long a publish keeps sweeps away from its bytes; renewed while a long put runs.
const HOLD: Duration = Duration::from_secs(600);

/// How often a publish judges again or puts again before it asks its client to come back.
const ATTEMPTS: usize = 8;

/// What a publish came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is there now and was not before.
    New,
    /// The same bytes were there already; nothing was changed.
    Same,
    /// Other bytes were there and have been replaced, as the feed allows.
    Replaced,
}

/// What the commit of one attempt came to.
enum Attempt {
    Done(Published),
    /// Feed or credential changed: judge again.
    JudgeAgain,
    /// The blob's row was swept away or the package moved: reserve, put and commit again.
    PutAgain,
}

impl Registry {
    /// Publishes an artifact that has been received under an admission to add packages.
    ///
    /// # Errors
    /// `Refused` for the author; `AlreadyExists` if other bytes are there; `Busy` if a dependency is
    /// away. After any error nothing is visible, and the same call may be repeated.
    pub async fn publish(
        &self,
        mut admission: Admission,
        format: &'static dyn FeedFormat,
        artifact: Artifact,
        offer: Offer,
    ) -> Result<(Published, Manifest), Problem> {
        admission.demand(Permission::Add)?;
        // 3. What is it? Away from the runtime, because archives are opened.
        let manifest = self.inspect(format, &artifact, offer).await?;
        for _ in 0..ATTEMPTS {
            // 4. Does everybody who has a say agree?
            self.judge(&admission, &manifest, &artifact).await?;
            // 5. From here no sweep takes these bytes.
            let store = admission.feed().settings.store.clone();
            let reserved = self.reserve(&admission, &store, &artifact).await?;
            // 6. Durable, before any row names them.
            self.put_once(&store, &reserved, &artifact).await?;
            // 7. The moment of publication.
            match self.commit_file(&admission, &manifest, &artifact, &reserved).await? {
                Attempt::Done(outcome) => {
                    // 8. Word to those who asked for it. Hints to other nodes come with the cluster.
                    for observer in &self.observers {
                        observer.published(admission.feed(), &manifest, outcome);
                    }
                    // 9. The answer, which the feed type puts into its client's dialect.
                    return Ok((outcome, manifest));
                }
                Attempt::JudgeAgain => admission = self.admit_again(&admission).await?,
                Attempt::PutAgain => {}
            }
        }
        Err(Problem::busy("this package, which many are changing at this moment"))
    }

    async fn inspect(
        &self,
        format: &'static dyn FeedFormat,
        artifact: &Artifact,
        offer: Offer,
    ) -> Result<Manifest, Problem> {
        let artifact = artifact.clone();
        let inspected = offloaded(&*self.runtime, move || {
            let mut bytes = artifact.open().map_err(|cause| {
                let doing = "opening a received upload for inspection";
                Problem::from(StoreError::new(crate::blob::StoreErrorKind::Other, doing).because(cause))
            })?;
            format.inspect(&mut *bytes, &artifact, &offer).map_err(Problem::from)
        });
        // None only if the inspection panicked, which formats promise not to do.
        inspected.await.unwrap_or_else(|| {
            let doing = "inspecting an upload";
            Err(Problem::internal(doing, &std::io::Error::other("the inspection did not come to an end")))
        })
    }

    async fn judge(
        &self,
        admission: &Admission,
        manifest: &Manifest,
        artifact: &Artifact,
    ) -> Result<(), Problem> {
        let (caller, feed) = (admission.caller(), admission.feed());
        for policy in &self.policies {
            policy.judge(Candidate { caller, feed, manifest, artifact }).await?;
        }
        Ok(())
    }

    async fn reserve(
        &self,
        admission: &Admission,
        store: &StoreName,
        artifact: &Artifact,
    ) -> Result<BlobRow, Problem> {
        let reserve = BlobChange::Reserve {
            store: store.clone(),
            fresh: BlobKey::fresh(artifact.digests().sha256),
            size: artifact.size(),
            hold: HOLD,
        };
        let committed = self.fresh.commit(ChangeSet::by(admission.caller().actor()).with(reserve)).await?;
        let row = committed.reserved.into_iter().next();
        row.ok_or_else(|| Problem::internal("reserving a digest", &std::io::Error::other("no row came back")))
    }

    /// Puts the bytes unless they are surely there, and renews the reservation while that takes long.
    async fn put_once(
        &self,
        store: &StoreName,
        reserved: &BlobRow,
        artifact: &Artifact,
    ) -> Result<(), Problem> {
        let there = self.packages.store(store)?;
        if reserved.state == BlobState::Live && there.head(&reserved.key).await? == Some(artifact.size()) {
            return Ok(());
        }
        let mut put = pin!(there.put(&reserved.key, artifact));
        loop {
            let pause = self.runtime.sleep(HOLD / 3);
            match select(put.as_mut(), pause).await {
                Either::Left((outcome, _)) => {
                    outcome?;
                    return Ok(());
                }
                Either::Right(_) => self.hold_on(store, reserved).await?,
            }
        }
    }

    async fn hold_on(&self, store: &StoreName, reserved: &BlobRow) -> Result<(), Problem> {
        let (store, fresh, size) = (store.clone(), reserved.key, reserved.size);
        let again = BlobChange::Reserve { store, fresh, size, hold: HOLD };
        self.fresh.commit(ChangeSet::by(super::system_actor()).with(again)).await?;
        Ok(())
    }

    async fn commit_file(
        &self,
        admission: &Admission,
        manifest: &Manifest,
        artifact: &Artifact,
        reserved: &BlobRow,
    ) -> Result<Attempt, Problem> {
        let changes = publication(admission, manifest, Action::Published)
            .with(add_file(admission, manifest, artifact, reserved));
        match self.fresh.commit(changes).await {
            Ok(_) => Ok(Attempt::Done(Published::New)),
            Err(CatalogError::Conflict(Conflict::FileExists)) => {
                self.meet_existing(admission, manifest, artifact, reserved).await
            }
            Err(CatalogError::Conflict(conflict)) => again(conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// A file of that name exists: the same bytes are success, others are a conflict unless the
    /// feed allows replacing and the caller may delete.
    async fn meet_existing(
        &self,
        admission: &Admission,
        manifest: &Manifest,
        artifact: &Artifact,
        reserved: &BlobRow,
    ) -> Result<Attempt, Problem> {
        let feed = admission.feed();
        let wanted = FileRef { package: manifest.name.key().clone(), file: manifest.file.clone() };
        let Some(there) = self.fresh.read().file(feed.id, &wanted).await? else {
            return Ok(Attempt::PutAgain);
        };
        let same_version = there.version.key() == manifest.version.key();
        if same_version && there.file.digests.sha256.matches(&artifact.digests().sha256) {
            return Ok(Attempt::Done(Published::Same));
        }
        let may_replace = feed.settings.overwrite == Overwrite::Allowed
            && same_version
            && admission.caller().may_in(Permission::Delete, feed);
        if !may_replace {
            let text =
                format!("{} {} is published already, with other contents", manifest.name, manifest.version);
            return Err(Problem::AlreadyExists(text));
        }
        let package: NameKey = manifest.name.key().clone();
        let changes = publication(admission, manifest, Action::Replaced)
            .expect(Expect::Package(feed.id, package.clone(), Some(there.stamp)))
            .with(PackageChange::RemoveFile(feed.id, package, manifest.file.clone()))
            .with(add_file(admission, manifest, artifact, reserved));
        match self.fresh.commit(changes).await {
            Ok(_) => Ok(Attempt::Done(Published::Replaced)),
            Err(CatalogError::Conflict(conflict)) => again(conflict),
            Err(error) => Err(error.into()),
        }
    }
}

/// What to do about a commit that found something changed.
fn again(conflict: Conflict) -> Result<Attempt, Problem> {
    match conflict {
        Conflict::FeedChanged | Conflict::CredentialChanged => Ok(Attempt::JudgeAgain),
        Conflict::BlobGone | Conflict::PackageChanged | Conflict::FileExists | Conflict::Absent => {
            Ok(Attempt::PutAgain)
        }
        other => Err(CatalogError::Conflict(other).into()),
    }
}

/// The change set of a publication without its changes: by whom, what was judged, what the journal says.
fn publication(admission: &Admission, manifest: &Manifest, action: Action) -> ChangeSet {
    let (caller, feed) = (admission.caller(), admission.feed());
    let subject = format!("{} {} ({})", manifest.name, manifest.version, manifest.file);
    let mut changes = ChangeSet::by(caller.actor())
        .expect(Expect::Feed(feed.id, feed.revision))
        .record(JournalEntry { action, feed: Some(feed.id), subject });
    changes.expect.extend(caller.expectations());
    changes
}

fn add_file(
    admission: &Admission,
    manifest: &Manifest,
    artifact: &Artifact,
    reserved: &BlobRow,
) -> PackageChange {
    PackageChange::AddFile(Box::new(NewFile {
        feed: admission.feed().id,
        package: manifest.name.clone(),
        version: manifest.version.clone(),
        file: manifest.file.clone(),
        blob: reserved.id,
        key: reserved.key,
        size: artifact.size(),
        digests: artifact.digests().clone(),
        version_fragment: manifest.version_fragment.clone(),
        file_fragment: manifest.file_fragment.clone(),
        detail: manifest.detail.clone(),
        summary: manifest.summary.clone(),
        keywords: manifest.keywords.clone(),
        tags: manifest.tags.clone(),
    }))
}
