#![doc = include_str!("../README.md")]

pub mod blobs;
pub mod staging;

pub use blobs::{LocalStore, OpenError, StoreAddress, open_store};
pub use staging::Scratch;
