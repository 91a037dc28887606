//! Reading roles, one file each.

mod accounts;
mod blobs;
mod cursor;
mod feeds;
mod instance;
mod jobs;
mod journal;
mod lookout;
mod packages;
mod search;
mod stamps;
mod versions;

pub(super) use blobs::blob_of;
pub(super) use jobs::job_of;
