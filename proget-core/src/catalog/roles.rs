//! The reading roles as a list, for wrappers that pass every question on.
//!
//! A macro, because it is a list: `for_reading_roles!(write)` hands all signatures to the macro
//! `write`. [`Stamps`](super::Stamps) is left out; wrappers treat the one hot question by hand.
//! Whoever uses it needs `use crate::catalog::*` and the types that the signatures name.

macro_rules! for_reading_roles {
    ($write:ident) => {
        $write! {
            Feeds {
                fn feed(name: &FeedName) -> Option<Feed>;
                fn feed_by_id(id: FeedId) -> Option<Feed>;
                fn feeds() -> Vec<Feed>;
            }
            Packages {
                fn rows(feed: FeedId, name: &NameKey) -> Option<PackageRows>;
                fn file(feed: FeedId, file: &FileRef) -> Option<FoundFile>;
                fn search(feed: FeedId, search: &Search, page: &PageRequest) -> Page<Found>;
                fn versions(feed: FeedId, filter: &VersionFilter, page: &PageRequest) -> Page<Found>;
                fn detail(feed: FeedId, name: &NameKey, version: &VersionKey) -> Option<Fragment>;
                fn file_detail(feed: FeedId, file: &FileRef) -> Option<Fragment>;
                fn downloads(files: &[FileId]) -> Vec<u64>;
                fn totals(feed: FeedId) -> FeedTotals;
            }
            Blobs {
                fn blob(store: &StoreName, digest: &Sha256) -> Option<BlobRow>;
                fn blobs(wanted: BlobWanted, after: Option<BlobId>, limit: u32) -> Vec<BlobRow>;
                fn users_of(blob: BlobId, limit: u32) -> Vec<String>;
                fn doomed(store: &StoreName, delay: Duration, limit: u32) -> Vec<DoomedRow>;
                fn is_ripe(store: &StoreName, key: &BlobKey, delay: Duration) -> bool;
                fn strays(store: &StoreName, keys: &[BlobKey]) -> Vec<BlobKey>;
            }
            Accounts {
                fn user(name: &str) -> Option<UserRow>;
                fn user_by_id(id: UserId) -> Option<UserRow>;
                fn users() -> Vec<UserRow>;
                fn key(hash: &KeyHash) -> Option<KeyRow>;
                fn keys() -> Vec<KeyRow>;
            }
            Jobs {
                fn job(id: JobId) -> Option<JobRow>;
                fn jobs(filter: &JobFilter, page: &PageRequest) -> Page<JobRow>;
                fn claimable(kinds: &[JobKind], limit: u32) -> Vec<JobRow>;
                fn job_log(id: JobId, after: i64, limit: u32) -> Vec<JobLine>;
                fn schedules() -> Vec<ScheduleRow>;
            }
            Journal {
                fn entry(change: ChangeId) -> Option<JournalRow>;
                fn journal(page: &PageRequest) -> Page<JournalRow>;
            }
            Instance {
                fn instance() -> InstanceRow;
                fn fence(role: Role) -> Option<FenceRow>;
                fn settings() -> Vec<SettingRow>;
                fn revision() -> Stamp;
                fn durability() -> Durability;
            }
        }
    };
}
pub(crate) use for_reading_roles;
