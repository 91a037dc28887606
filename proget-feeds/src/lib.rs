#![doc = include_str!("../README.md")]

#[cfg(any(feature = "npm", feature = "pypi", feature = "cargo"))]
pub mod archive;
#[cfg(feature = "cargo")]
pub mod cargo;
#[cfg(feature = "npm")]
pub mod npm;
#[cfg(feature = "pypi")]
pub mod pypi;
#[cfg(any(feature = "npm", feature = "cargo"))]
pub mod semver;

#[cfg(feature = "http")]
pub mod http;
