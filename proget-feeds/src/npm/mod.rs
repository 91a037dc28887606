//! npm.
mod base64_stream;
mod name;
mod split;
mod version;
pub use split::*;
