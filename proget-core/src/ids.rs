//! Identifiers: what rows, commits, processes and moments are called.
//!
//! Row numbers come from the catalogue; everything that must never repeat is a random UUID. A
//! [`Stamp`] is compared for equality only: a counter would restart after a restore or after
//! delete-and-republish, and a cached document would then pass for the new one.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

row_ids! {
    /// A feed's row; a feed that is deleted and created anew has another.
    FeedId,
    /// A package's row within a feed.
    PackageId,
    /// A file's row.
    FileId,
    /// A blob's row; file rows refer to it by a real foreign key.
    BlobId,
    /// A user's row.
    UserId,
    /// An API key's row.
    KeyId,
    /// A job's row.
    JobId,
}

macro_rules! random_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one; 122 random bits, so it never repeats.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }
    )*};
}

random_ids! {
    /// What something looked like at one moment; changes with each commit that touches it.
    Stamp,
    /// One change set; unique in the journal, so that a lost COMMIT answer can be looked up.
    ChangeId,
    /// One running process. A restart is another incarnation, whatever the node is called.
    Incarnation,
    /// One stay of a digest's bytes in a store; never reused, so a late deleter names nothing that lives.
    Generation,
    /// One claim of a job; every commit made for the job proves it.
    ClaimToken,
    /// One upload on its way in; scratch files carry it.
    UploadId,
}
