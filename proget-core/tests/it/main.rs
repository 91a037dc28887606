//! The use-cases on memory parts, in milliseconds.

mod downloading;
mod freshness;
mod publishing;
mod stand;
mod sweeping;
mod verifying;
