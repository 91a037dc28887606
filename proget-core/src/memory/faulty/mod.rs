//! Trouble on demand: wrappers around any implementation of a seam that go away, come back, lose
//! answers or do the wrong thing, when a test says so.
//!
//! They are also how a conformance suite is itself tested: a catalogue that breaks one promise on
//! purpose must be caught.

mod catalog;
mod store;

pub use catalog::{FaultyCatalog, StampTampering, Tampering};
pub use store::FaultyStore;
