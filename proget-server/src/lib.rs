//! The registry server as a library: composition of the crates, HTTP shell, configuration.

pub mod http;
