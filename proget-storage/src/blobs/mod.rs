//! Package stores: where accepted bytes rest.
//!
//! There are two kinds, a directory ([`LocalStore`]) and a bucket ([`ObjectBlobs`]); [`open_store`]
//! picks one by its address. What a store must promise stands at [`proget_core::BlobStore`]. The bucket
//! is in `objects`, its address in `bucket`, the way to it in `cloud` and `http`. The directory is in the files
//! beside, one idea each:
//!
//! - `layout`: the tree on disk, and the only functions that build paths;
//! - `probe`: what is tried at start, so that a bad disk is found before the first upload;
//! - `put`, `read`, `list`: the work;
//! - `folders`: making directories that survive a power cut;
//! - `lane`: how much work is under way at once, so that a hung share does not stop the process.
//!
//! Uploads on their way in are not here but in [`crate::staging`].

mod address;
mod bucket;
mod cloud;
mod error;
mod folders;
mod http;
mod lane;
mod layout;
mod list;
mod local;
mod medium;
mod objects;
mod probe;
mod put;
mod read;

pub use address::{StoreAddress, open_store};
pub use bucket::BucketAddress;
pub use error::OpenError;
pub use folders::create_durably;
pub use local::LocalStore;
pub use objects::{BucketAccess, ObjectBlobs};

pub(crate) use error::failed;
#[cfg(test)]
pub(crate) use folders::opened_in;
pub(crate) use lane::{Lane, Running};
pub(crate) use layout::Layout;
pub(crate) use probe::{prepare_folder, prepare_root};
