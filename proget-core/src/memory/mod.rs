//! Every seam in memory: the reference models that the rest is held against, and the parts that
//! use-case tests run on.
//!
//! [`MemoryCatalog`] is meant to be read as the specification of [`Catalog`](crate::Catalog): where
//! a database and this model disagree, one of the two is wrong, and the differential test says so.
//! Nothing here survives the process, and nothing here is fast on purpose; what is slow or absent
//! in real life is brought in by the wrappers of [`faulty`].

mod authenticator;
mod catalog;
pub mod faulty;
mod publish;
mod staging;
mod store;

pub use authenticator::MemoryAuthenticator;
pub use catalog::MemoryCatalog;
pub use publish::{MemoryObserver, MemoryPolicy, Told};
pub use staging::MemoryStaging;
pub use store::MemoryStore;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: every writer here replaces whole values, so there is no
/// half-done state to be protected from.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
