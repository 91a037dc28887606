//! Package stores: where accepted bytes rest.
//!
//! Today there is one, a directory ([`LocalStore`]); [`open_store`] picks the kind by its address.
//! What a store must promise stands at [`proget_core::BlobStore`]; how the directory keeps those
//! promises stands in the files below, one idea each:
//!
//! - `layout`: the tree on disk, and the only functions that build paths;
//! - `probe`: what is tried at start, so that a bad disk is found before the first upload;
//! - `put`, `read`, `list`: the work;
//! - `folders`: making directories that survive a power cut;
//! - `lane`: how much work is under way at once, so that a hung share does not stop the process.
//!
//! Uploads on their way in are not here but in [`crate::staging`].

mod address;
mod error;
mod folders;
mod lane;
mod layout;
mod list;
mod local;
mod medium;
mod probe;
mod put;
mod read;

pub use address::{StoreAddress, open_store};
pub use error::OpenError;
pub use folders::create_durably;
pub use local::LocalStore;

pub(crate) use error::failed;
#[cfg(test)]
pub(crate) use folders::opened_in;
pub(crate) use lane::{Lane, Running};
pub(crate) use layout::Layout;
pub(crate) use probe::{prepare_folder, prepare_root};
