//! Uploads on their way in: [`Scratch`], a directory on this node's disk.
//!
//! - `folder`: a folder that belongs to one running process, and files that vanish when dropped;
//! - `sweep`: what killed processes left behind, and how we know that they are dead;
//! - `spool`: one upload, hashed and written in one pass;
//! - `scratch`: the seam's implementation.
//!
//! Nothing here is synced to the disk: an upload that is not accepted need not survive anything.
//! The store syncs a file before it links it to its place.

mod folder;
mod scratch;
mod spool;
mod sweep;

pub use scratch::Scratch;

pub(crate) use folder::{OwnedFile, OwnedFolder};
