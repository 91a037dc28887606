//! The test kit: real services, the real server program and real package clients, each as a
//! value that a test starts, asks, harms and drops.
//!
//! What lives here: whatever needs a process, a port or a directory outside the test itself.
//! What does not: assertions about the product (they stand in `tests/it/`), and in-process
//! servers (`proget_server::TestServer`).
//!
//! Three habits hold everywhere in it:
//!
//! - **A level with a deadline.** Nothing sleeps and hopes; [`eventually`] asks again until the
//!   answer is right or the deadline has passed, and then says what the last answer was.
//! - **Gone without a trace.** Every process has its own group, every directory is temporary, and
//!   a reaper (`place.rs`) clears up even when the test program itself is killed.
//! - **Missing is failing.** A service or client that is not installed is an error whose sentence
//!   names `./test.sh`, which installs it; nothing is skipped.
//!
//! Databases are shared: `./test.sh` starts one server of each kind through the program
//! `with-services` and hands the addresses down in `PROGET_TEST_POSTGRES` and
//! `PROGET_TEST_MARIADB`. A test program that runs alone (`cargo test -p proget-tests`) starts its
//! own on first use. Either way a test asks for `fresh_database()` and shares no table with
//! anybody. A test that stops or kills a database starts one of its own.

pub mod cargo;
pub mod client;
mod clouds;
pub mod cluster;
mod crate_file;
pub mod cutting;
mod database;
mod deadline;
pub mod etcd;
mod firewall;
pub mod haproxy;
pub mod mariadb;
pub mod nginx;
pub mod npm;
pub mod package;
pub mod pgbouncer;
pub mod pip;
mod place;
pub mod pnpm;
mod ports;
pub mod postgres;
mod process;
mod program;
pub mod server;
pub mod twine;
pub mod uv;
mod wheel;
pub mod yarn;

pub use cargo::Cargo;
pub use client::{Answer, Credential, Registry};
pub use clouds::{Bucket, Cloud, CloudServer};
pub use cluster::{Cluster, FIREWALLED};
pub use crate_file::Crate;
pub use cutting::{Cutting, Passage};
pub use database::Database;
pub use deadline::{SOON, eventually};
pub use etcd::{Etcd, EtcdTls};
pub use firewall::Firewalled;
pub use haproxy::HaProxy;
pub use mariadb::MariaDb;
pub use nginx::Nginx;
pub use npm::Npm;
pub use package::Package;
pub use pgbouncer::PgBouncer;
pub use pip::{Environment, Pip};
pub use pnpm::Pnpm;
pub use ports::free_port;
pub use postgres::Postgres;
pub use process::Signal;
pub use server::{ApiKey, ProgetProcess, ServerSetup};
pub use twine::{Twine, build_python_project};
pub use uv::Uv;
pub use wheel::{PythonFile, PythonPackage};
pub use yarn::Yarn;

/// What a test or a part of the kit returns: anything that went wrong, with its chain of causes.
pub type Outcome<T = ()> = anyhow::Result<T>;
