//! Bytes: where they arrive ([`Staging`]), where they rest ([`BlobStore`]), and the one struct
//! through which the rest of the code uses both ([`PackageStore`]).

mod error;
mod hot;
mod key;
mod packages;
mod probe;
mod self_test;
mod staging;
mod store;

pub use error::{StoreError, StoreErrorKind};
pub use key::BlobKey;
pub use packages::{IntakeLimits, PackageStore};
pub use probe::{ProbeFailure, read_beacon};
pub use self_test::{Finding, Judgement, SelfTest, Verdict};
pub use staging::{Leftovers, Spool, Staging};
pub use store::{Abilities, Blob, BlobHead, BlobStore, ByteStream, LinkWish, Put};
