//! Removing versions and packages. Rows go now; bytes go when a sweep has found that nobody
//! refers to them, long enough afterwards for every reader to have finished.

use super::{Admission, Registry};
use crate::access::Permission;
use crate::catalog::{Action, ChangeSet, Expect, JournalEntry, PackageChange, VersionRef};
use crate::ids::Stamp;
use crate::package::{NameKey, VersionKey};
use crate::problem::Problem;

/// What is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// These versions; the package goes with the last one.
    Versions(Vec<VersionKey>),
    /// The whole package.
    Package,
}

impl Registry {
    /// Removes versions or a whole package, all or nothing. If `seen` is given, the package must
    /// still be as it was read.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, `Busy`.
    pub async fn remove(
        &self,
        admission: &Admission,
        package: &NameKey,
        seen: Option<Stamp>,
        what: Removal,
    ) -> Result<(), Problem> {
        admission.demand(Permission::Delete)?;
        let (caller, feed) = (admission.caller(), admission.feed());
        let (action, subject) = match &what {
            Removal::Package => (Action::PackageRemoved, package.to_string()),
            Removal::Versions(versions) => {
                let versions: Vec<&str> = versions.iter().map(VersionKey::as_str).collect();
                (Action::VersionRemoved, format!("{package} {}", versions.join(", ")))
            }
        };
        let entry = JournalEntry { action, feed: Some(feed.id), subject };
        let mut changes =
            ChangeSet::by(caller.actor()).expect(Expect::Feed(feed.id, feed.revision)).record(entry);
        changes.expect.extend(caller.expectations());
        if seen.is_some() {
            changes = changes.expect(Expect::Package(feed.id, package.clone(), seen));
        }
        changes = match what {
            Removal::Package => changes.with(PackageChange::RemovePackage(feed.id, package.clone())),
            Removal::Versions(versions) => versions.into_iter().fold(changes, |changes, version| {
                let version = VersionRef { feed: feed.id, package: package.clone(), version };
                changes.with(PackageChange::RemoveVersion(version))
            }),
        };
        self.fresh.commit(changes).await?;
        Ok(())
    }
}
