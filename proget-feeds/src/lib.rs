#![doc = include_str!("../README.md")]

#[cfg(feature = "npm")]
pub mod archive;
#[cfg(feature = "npm")]
pub mod npm;
#[cfg(feature = "npm")]
pub mod semver;

#[cfg(feature = "http")]
pub mod http;
