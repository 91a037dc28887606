#![doc = include_str!("../README.md")]

pub mod blobs;
mod runtime;
pub mod sql;
pub mod staging;

pub use blobs::{BucketAccess, BucketAddress, LocalStore, ObjectBlobs, OpenError, StoreAddress, open_store};
pub use runtime::TokioRuntime;
pub use sql::{SqlCatalog, SqlOptions};
pub use staging::Scratch;
