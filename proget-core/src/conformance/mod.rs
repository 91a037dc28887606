//! The suites that every implementation of a seam runs: what the headings "what an implementation
//! must promise" say, as code.
//!
//! Each suite is a list of small named cases and takes a factory that gives a *fresh* instance for
//! each. All cases run; the suite then fails with the broken promises by name. The `…_broken`
//! twins give them as values instead, so that a deliberate liar can be shown to be caught.
//!
//! The suites need no particular runtime. Where promises are about many tasks at once, [`Tasks`]
//! says how to start them; without a real runtime they take turns in one task.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a suite is a test, wherever it is compiled

mod authenticator;
mod blobs;
mod case;
mod catalog;
mod clock;
mod dice;
mod format;
mod publish;
mod runtime;
pub mod sample;
mod staging;
mod tasks;

pub use authenticator::{Callers, authenticator, authenticator_broken};
pub use blobs::{blobs, blobs_broken, blobs_from};
pub use case::Broken;
pub use catalog::picture::{Shows, picture};
pub use catalog::{catalog, catalog_broken};
pub use clock::clock;
pub use dice::Dice;
pub use format::format;
pub use publish::{observer, observer_broken, policy, policy_broken};
pub use runtime::{runtime, runtime_broken};
pub use staging::{StagingArea, staging, staging_broken};
pub use tasks::Tasks;
