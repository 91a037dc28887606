//! Step 7 of publishing: the one commit that makes a file visible, and what it may meet.

use super::{Admission, Published, Registry};
use crate::access::Permission;
use crate::artifact::Artifact;
use crate::catalog::{
    Action, BlobRow, CatalogError, ChangeSet, Conflict, Expect, FoundFile, JournalEntry, NewFile,
    PackageChange,
};
use crate::feed::Overwrite;
use crate::package::{FileRef, Manifest, NameKey};
use crate::problem::Problem;

/// What the commit of one attempt came to.
pub(super) enum Attempt {
    Done(Published),
    /// Feed or credential changed: judge again.
    JudgeAgain,
    /// The blob's row was swept away or the package moved: reserve, put and commit again.
    PutAgain,
}

impl Registry {
    /// Commits the publication of a file whose bytes lie in the store under a reservation, if the
    /// package is as it was judged.
    pub(super) async fn commit_file(
        &self,
        admission: &Admission,
        manifest: &Manifest,
        artifact: &Artifact,
        reserved: &BlobRow,
        expected: Option<Expect>,
    ) -> Result<Attempt, Problem> {
        let mut changes = publication(admission, manifest, Action::Published)
            .with(add_file(admission, manifest, artifact, reserved));
        changes.expect.extend(expected);
        match self.fresh.commit(changes).await {
            Ok(_) => Ok(Attempt::Done(Published::New)),
            Err(CatalogError::Conflict(Conflict::FileExists)) => {
                self.meet_existing(admission, manifest, artifact, reserved).await
            }
            Err(CatalogError::Conflict(conflict)) => again(conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses a publish over a file that it may not replace, before anything is reserved or put, so
    /// that a refused duplicate leaves nothing; what is published in between is found by the commit.
    /// Gives the admission to go on with: settings and rights are read again before it is refused.
    pub(super) async fn demand_room(
        &self,
        admission: Admission,
        manifest: &Manifest,
        artifact: &Artifact,
    ) -> Result<Admission, Problem> {
        let Some(there) = self.existing(&admission, manifest).await? else { return Ok(admission) };
        if compare(&admission, manifest, artifact, &there).is_ok() {
            return Ok(admission);
        }
        let now = self.admit_again(&admission).await?;
        compare(&now, manifest, artifact, &there).map(|_| now)
    }

    async fn existing(
        &self,
        admission: &Admission,
        manifest: &Manifest,
    ) -> Result<Option<FoundFile>, CatalogError> {
        let wanted = FileRef { package: manifest.name.key().clone(), file: manifest.file.clone() };
        self.fresh.read().file(admission.feed().id, &wanted).await
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
        let Some(there) = self.existing(admission, manifest).await? else {
            return Ok(Attempt::PutAgain);
        };
        if compare(admission, manifest, artifact, &there)? == Beside::Same {
            return Ok(Attempt::Done(Published::Same));
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

/// How a publish stands to the file that has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// It is that file.
    Same,
    /// It may take that file's place.
    Replaces,
}

fn compare(
    admission: &Admission,
    manifest: &Manifest,
    artifact: &Artifact,
    there: &FoundFile,
) -> Result<Beside, Problem> {
    let feed = admission.feed();
    let same_version = there.version.key() == manifest.version.key();
    if same_version && there.file.digests.sha256.matches(&artifact.digests().sha256) {
        return Ok(Beside::Same);
    }
    let may_replace = feed.settings.overwrite == Overwrite::Allowed
        && same_version
        && admission.caller().may_in(Permission::Delete, feed);
    if may_replace {
        return Ok(Beside::Replaces);
    }
    let text = format!("{} {} is published already, with other contents", manifest.name, manifest.version);
    Err(Problem::AlreadyExists(text))
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
        file_detail: manifest.file_detail.clone(),
        summary: manifest.summary.clone(),
        keywords: manifest.keywords.clone(),
        tags: manifest.tags.clone(),
    }))
}
