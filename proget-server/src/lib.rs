#![doc = include_str!("../README.md")]

#[cfg(feature = "accounts")]
pub mod accounts;
#[cfg(feature = "api")]
mod api;
#[cfg(feature = "cli")]
mod assemble;
mod builder;
mod chores;
#[cfg(feature = "cli")]
pub mod cli;
mod cluster;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "cli")]
pub mod control;
#[cfg(any(feature = "api", feature = "cli"))]
pub mod documents;
mod feeds;
mod figures;
mod health;
pub mod http;
mod identity;
mod jobs;
mod plain;
mod routes;
#[cfg(any(feature = "api", feature = "cli"))]
mod schedules;
mod server;
mod stale;
#[cfg(feature = "cli")]
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod upgrade;
mod verified;

pub use builder::{BuildError, Complaint, ServerBuilder, compiled_in};
pub use cluster::{ClusterParts, Messaging, Port, TcpEndpoint};
pub use plain::{COMPATIBLE_VERSION, VERSION_HEADER};
pub use routes::MetricsAccess;
pub use server::{Background, Listening, MountedServer, Server};
pub use stale::{STALE_HEADER, StaleReaders, StaleReads};

pub use {proget_cluster, proget_core, proget_feeds, proget_storage};

pub use proget_core::{
    Authenticator, BlobStore, Catalog, FeedFormat, FeedName, Principal, Problem, Refusal, Registry, Staging,
};
pub use proget_feeds::http::FeedProtocol;
pub use proget_storage::{LocalStore, Scratch, SqlCatalog, SqlOptions, TokioRuntime};
#[cfg(feature = "testing")]
pub use testing::{TestCluster, TestServer};
#[cfg(feature = "testing")]
pub use upgrade::be_a_later_release;
