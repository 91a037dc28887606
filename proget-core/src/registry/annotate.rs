//! Deciding about versions after they were published: tags, listing, blocking, deprecation.

use super::{Admission, Registry};
use crate::access::Permission;
use crate::catalog::{Action, ChangeSet, Expect, JournalEntry, PackageChange, PackageRows, VersionRef};
use crate::ids::Stamp;
use crate::package::{NameKey, TagName, VersionKey, VersionStatus};
use crate::problem::Problem;

/// One decision about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotation {
    /// Points a tag at a version. Whoever may publish may do so.
    Tag(TagName, VersionKey),
    /// Removes a tag. Whoever may publish may do so.
    Untag(TagName),
    /// Says why a version should no longer be used, or that it may. Whoever may publish may do so:
    /// it is how authors announce a successor.
    Deprecate(VersionKey, Option<String>),
    /// Sets all that was decided about a version: needs permission to delete.
    Status(VersionKey, VersionStatus),
}

impl Registry {
    /// Makes decisions about one package, all or none. If `seen` is given, the package must still
    /// be as it was read.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` for a version that is not there; `Changed`; `Busy`.
    pub async fn annotate(
        &self,
        admission: &Admission,
        package: &NameKey,
        seen: Option<Stamp>,
        annotations: Vec<Annotation>,
    ) -> Result<(), Problem> {
        let needs_delete = annotations.iter().any(|one| matches!(one, Annotation::Status(..)));
        if needs_delete || admission.demand(Permission::Add).is_err() {
            admission.demand(Permission::Delete)?;
        }
        if annotations.is_empty() {
            return Ok(());
        }
        let (caller, feed) = (admission.caller(), admission.feed());
        let only_tags =
            annotations.iter().all(|one| matches!(one, Annotation::Tag(..) | Annotation::Untag(_)));
        let action = if only_tags { Action::Tagged } else { Action::StatusChanged };
        let entry = JournalEntry { action, feed: Some(feed.id), subject: package.to_string() };
        let mut changes =
            ChangeSet::by(caller.actor()).expect(Expect::Feed(feed.id, feed.revision)).record(entry);
        changes.expect.extend(caller.expectations());

        // A deprecation keeps what else was decided, so it is made on what is there now.
        let deprecates = annotations.iter().any(|one| matches!(one, Annotation::Deprecate(..)));
        let rows = if deprecates { Some(self.package(admission, package).await?) } else { None };
        if let Some(stamp) = seen.or(rows.as_ref().map(|rows| rows.package.stamp)) {
            changes = changes.expect(Expect::Package(feed.id, package.clone(), Some(stamp)));
        }
        let of = |version| VersionRef { feed: feed.id, package: package.clone(), version };
        for annotation in annotations {
            changes = changes.with(match annotation {
                Annotation::Tag(tag, version) => PackageChange::SetTag(of(version), tag),
                Annotation::Untag(tag) => PackageChange::RemoveTag(feed.id, package.clone(), tag),
                Annotation::Status(version, status) => PackageChange::SetStatus(of(version), status),
                Annotation::Deprecate(version, reason) => {
                    let status = VersionStatus { deprecated: reason, ..status_of(rows.as_ref(), &version)? };
                    PackageChange::SetStatus(of(version), status)
                }
            });
        }
        self.fresh.commit(changes).await?;
        Ok(())
    }
}

fn status_of(rows: Option<&PackageRows>, version: &VersionKey) -> Result<VersionStatus, Problem> {
    let row = rows.and_then(|rows| rows.versions.iter().find(|row| row.version.key() == version));
    let row = row.ok_or_else(|| Problem::NotFound(format!("there is no version {version}")))?;
    Ok(row.status.clone())
}
