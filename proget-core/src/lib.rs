#![doc = include_str!("../README.md")]

pub mod access;
pub mod artifact;
pub mod blob;
pub mod catalog;
pub mod clock;
pub mod cluster;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod digest;
pub mod feed;
pub mod format;
pub mod ids;
pub mod keys;
pub mod memory;
pub mod package;
pub mod problem;
pub mod refusal;
pub mod registry;
pub mod watch;

pub use access::{Authenticator, Principal};
pub use artifact::Artifact;
pub use blob::{BlobStore, PackageStore, Staging};
pub use catalog::{Catalog, CatalogError, ChangeSet};
pub use clock::{Clock, SystemClock, Timestamp};
pub use cluster::{ClusterMode, NodeName};
pub use feed::{Feed, FeedName};
pub use format::FeedFormat;
pub use problem::Problem;
pub use refusal::Refusal;
pub use registry::Registry;
