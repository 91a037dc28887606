//! What is tried on each parser of foreign input: one function a target, from any bytes to a verdict.
//!
//! The functions know nothing of libFuzzer. `targets/` hands them to it; the outer tests include
//! this very file and call them on the inputs that are kept in `seeds/` and `regressions/`, so
//! what was found once is tried by every ordinary `cargo test`.
//!
//! "It does not panic" is the least that is asked. Each function says at its top what else must
//! hold for whatever is accepted.

#![forbid(unsafe_code)]

mod archive;
mod cargo;
mod conditions;
mod connections;
mod inspect;
mod names;
mod npm;
mod pypi;
mod requests;
mod routes;

/// What became of an input. Seeds show that both happen: a target that refuses everything would
/// find nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was understood, and what was made of it was looked at.
    Accepted,
    /// It was refused.
    Refused,
}

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As its program is called, and its folders in `seeds` and `regressions`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]) -> Verdict,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "archive_tgz", run: archive::tgz },
    Target { name: "archive_zip", run: archive::zip },
    Target { name: "cargo_frame", run: cargo::frame },
    Target { name: "cargo_inspect", run: inspect::cargo },
    Target { name: "cargo_manifest_file", run: cargo::manifest_file },
    Target { name: "cargo_names", run: names::cargo },
    Target { name: "cargo_publish_document", run: cargo::publish_document },
    Target { name: "cargo_requests", run: requests::cargo },
    Target { name: "cargo_route", run: routes::cargo },
    Target { name: "conditions", run: conditions::all },
    Target { name: "npm_document", run: npm::document },
    Target { name: "npm_inspect", run: inspect::npm },
    Target { name: "npm_names", run: names::npm },
    Target { name: "npm_requests", run: requests::npm },
    Target { name: "npm_route", run: routes::npm },
    Target { name: "proxy_header", run: connections::proxy },
    Target { name: "purl", run: names::purl },
    Target { name: "pypi_accept", run: pypi::accept },
    Target { name: "pypi_file_name", run: pypi::file_name },
    Target { name: "pypi_form", run: pypi::form },
    Target { name: "pypi_inspect", run: inspect::pypi },
    Target { name: "pypi_metadata", run: pypi::metadata },
    Target { name: "pypi_names", run: names::pypi },
    Target { name: "pypi_requests", run: requests::pypi },
    Target { name: "pypi_route", run: routes::pypi },
    Target { name: "pypi_wheel_file", run: pypi::wheel_file },
    Target { name: "raw_tail", run: routes::raw_tail },
    Target { name: "semver", run: names::semver },
];

/// Runs the target of this name.
///
/// # Panics
/// If there is none, and whenever something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target's program is called as in the table").run)(data);
}

/// The server's package URLs; they need nothing of the server, so it is not built for them.
#[path = "../../proget-server/src/api/purl.rs"]
#[allow(dead_code)]
mod package_url;
