//! Changes to blobs: how bytes come to life, and how they go.

use crate::blob::BlobKey;
use crate::feed::StoreName;
use crate::ids::BlobId;
use std::time::Duration;

/// A change to blobs; see the rules in `docs/PROTOCOLS.md`.
#[derive(Debug, Clone)]
pub enum BlobChange {
    /// Makes sure that no sweep takes this digest for a while: extends the reservation of the row
    /// that is there (a condemned one comes back to life), or makes an `arriving` row with `fresh`
    /// as its key. The row as it is then comes back in [`Committed::reserved`](super::Committed::reserved).
    Reserve {
        /// The store.
        store: StoreName,
        /// The key to use if there is no row for this digest.
        fresh: BlobKey,
        /// How many bytes.
        size: u64,
        /// For how long, by the catalogue's clock; an older reservation that lasts longer stays.
        hold: Duration,
    },
    /// `live` → `condemned`; `BlobTouched` if `touched` moved, a reservation runs or there is no
    /// such live row. Fenced.
    Condemn {
        /// Which.
        id: BlobId,
        /// As it was read before references were counted.
        touched: i64,
    },
    /// Deletes an `arriving` or `condemned` row and writes its key to the doomed; `BlobTouched` if
    /// `touched` moved, a reservation runs, there is no such row or, by the foreign key, a
    /// reference exists. Fenced.
    Doom {
        /// Which.
        id: BlobId,
        /// As it was read before references were counted.
        touched: i64,
    },
    /// Writes a key that nothing names to the doomed; `BlobTouched` if a blob row names it. One that
    /// is doomed already stays doomed since then. Fenced.
    DoomStray {
        /// The store in which it was found.
        store: StoreName,
        /// The key.
        key: BlobKey,
    },
    /// Removes a doomed row whose bytes have been deleted; nothing happens if there is none. Fenced.
    Forget {
        /// The store.
        store: StoreName,
        /// The key.
        key: BlobKey,
    },
}
