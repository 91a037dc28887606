//! What a commit touched that others may be waiting for: told from its changes, before it is made.

use crate::catalog::{Change, ChangeSet, FeedChange, InstanceChange, JobChange, JobEnd, PackageChange};
use crate::ids::FeedId;

/// What a commit touched that others may be waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// The feeds whose packages or settings were changed, each once.
    pub feeds: Vec<FeedId>,
    /// A job became claimable, sooner or later, or is to end.
    pub jobs: bool,
    /// The mode or a setting was changed.
    pub settings: bool,
}

impl Touched {
    /// What this set would touch.
    #[must_use]
    pub fn by(changes: &ChangeSet) -> Self {
        let mut touched = Self::default();
        for change in &changes.changes {
            match change {
                Change::Package(change) => touched.feeds(feed_of(change)),
                Change::Feed(FeedChange::Update { id, .. } | FeedChange::Delete(id)) => {
                    touched.feeds(Some(*id))
                }
                Change::Job(change) => touched.jobs |= wakes(change),
                Change::Instance(InstanceChange::Mode { .. } | InstanceChange::Set { .. }) => {
                    touched.settings = true;
                }
                Change::Feed(FeedChange::Create { .. })
                | Change::Instance(_)
                | Change::Blob(_)
                | Change::Account(_)
                | Change::Fence(_) => {}
            }
        }
        touched
    }

    fn feeds(&mut self, feed: Option<FeedId>) {
        self.feeds.extend(feed.filter(|feed| !self.feeds.contains(feed)));
    }
}

fn feed_of(change: &PackageChange) -> Option<FeedId> {
    match change {
        PackageChange::AddFile(file) => Some(file.feed),
        PackageChange::SetTag(version, _)
        | PackageChange::SetStatus(version, _)
        | PackageChange::RemoveVersion(version) => Some(version.feed),
        PackageChange::RemoveTag(feed, ..)
        | PackageChange::RemoveFile(feed, ..)
        | PackageChange::RemovePackage(feed, _) => Some(*feed),
        // Counts change no stamp, and nobody waits for them.
        PackageChange::CountDownloads(_) => None,
    }
}

/// May somebody who looks for jobs, or does one, find something else than before?
fn wakes(change: &JobChange) -> bool {
    match change {
        JobChange::Enqueue(_)
        | JobChange::Occur { .. }
        | JobChange::Cancel(_)
        | JobChange::ReleaseAllOf(_)
        | JobChange::Finish { end: JobEnd::Released, .. } => true,
        JobChange::Claim { .. }
        | JobChange::Renew { .. }
        | JobChange::Say { .. }
        | JobChange::Finish { .. }
        | JobChange::Forget { .. }
        | JobChange::PutSchedule { .. }
        | JobChange::RemoveSchedule(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Actor;
    use crate::ids::{ClaimToken, JobId};
    use crate::package::NameKey;
    use std::time::Duration;

    fn touched(changes: impl IntoIterator<Item = Change>) -> Touched {
        let mut set = ChangeSet::by(Actor("somebody".into()));
        set.changes = changes.into_iter().collect();
        Touched::by(&set)
    }

    #[test]
    fn each_feed_is_told_once_and_counts_of_downloads_are_nobodys_concern() {
        let remove = |feed, name: &str| {
            Change::from(PackageChange::RemovePackage(FeedId(feed), NameKey::stored(name.to_owned())))
        };
        let told = touched([remove(1, "a"), remove(2, "a"), remove(1, "b")]);
        assert_eq!(told, Touched { feeds: vec![FeedId(1), FeedId(2)], ..Touched::default() });
        assert_eq!(touched([PackageChange::CountDownloads(Vec::new()).into()]), Touched::default());
    }

    #[test]
    fn whoever_looks_for_jobs_is_told_of_one_to_be_had_and_of_one_called_off_but_not_of_renewals() {
        assert!(touched([JobChange::Cancel(JobId(1)).into()]).jobs);
        let (job, token) = (JobId(1), ClaimToken::random());
        let renew = JobChange::Renew { job, token, hold: Duration::from_secs(30), progress: None };
        assert_eq!(touched([renew.into()]), Touched::default());
        let finish = |end| touched([JobChange::Finish { job, token, end }.into()]).jobs;
        assert!(finish(JobEnd::Released));
        assert!(!finish(JobEnd::Done("done".into())));
    }

    #[test]
    fn settings_and_the_mode_are_told() {
        let set = InstanceChange::Set { name: "x".into(), value: None };
        assert_eq!(touched([set.into()]), Touched { settings: true, ..Touched::default() });
        assert_eq!(touched([InstanceChange::ConfirmDeletes.into()]), Touched::default());
    }
}
