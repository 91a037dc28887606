//! Cargo: names, versions, crates and the sparse index; over HTTP if the feature `http` is on.
//!
//! | file | holds |
//! |---|---|
//! | `name`, `version` | what they may be, how they are compared and ordered |
//! | `frame`, `publish_document` | the body of a publish, taken apart while it arrives, and what it says |
//! | `manifest`, `manifest_file` | what a crate holds, and what its `Cargo.toml` says |
//! | `declaration` | what a version says about itself, wherever it was read |
//! | `entry`, `index` | the line that is stored about a version, and the documents made of lines |
//! | `http` | the requests that cargo sends, and the answers it understands |

mod declaration;
mod entry;
pub mod frame;
#[cfg(feature = "http")]
mod http;
pub mod index;
mod manifest;
pub mod manifest_file;
mod name;
pub mod publish_document;
mod version;

pub use declaration::Declaration;
#[cfg(feature = "http")]
pub use http::{CargoProtocol, route};

use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples, Spelling};
use proget_core::package::{Manifest, Offer, PackageName, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;

/// The Cargo format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cargo;

/// The Cargo format, as registries hold it.
pub static CARGO: Cargo = Cargo;

impl FeedFormat for Cargo {
    fn id(&self) -> FormatId {
        const CARGO: FormatId = FormatId::from_static("cargo");
        CARGO
    }

    fn purl_type(&self) -> &'static str {
        "cargo"
    }

    fn title(&self) -> &'static str {
        "Cargo"
    }

    fn name(&self, raw: &str) -> Result<PackageName, Refusal> {
        name::parse(raw)
    }

    fn version(&self, raw: &str) -> Result<Version, Refusal> {
        version::parse(raw)
    }

    fn compare(&self, left: &str, right: &str) -> Result<Ordering, Refusal> {
        version::compare(left, right)
    }

    /// Clients unpack `foo_bar` into a folder of that name, and no other.
    fn spelling(&self) -> Spelling {
        Spelling::Kept
    }

    fn inspect(
        &self,
        bytes: &mut dyn ReadSeek,
        artifact: &Artifact,
        offer: &Offer,
    ) -> Result<Manifest, Refusal> {
        manifest::inspect(bytes, artifact, offer)
    }

    fn samples(&self) -> Samples {
        SAMPLES
    }
}

const SAMPLES: Samples = Samples {
    names: &["a", "x86", "serde", "serde_json", "left-pad", "Inflector", "a-b_c-1", "new", "me", "api"],
    bad_names: &[
        "",
        "_private",
        "-dash",
        "7zip",
        "has space",
        "a/b",
        "a.b",
        "a+b",
        "std",
        "Core",
        "proc_macro",
        "proc-macro",
        "nul",
        "COM1",
        "crème",
        "a\\b",
        "a%2fb",
        "..",
        "a\0b",
        "a234567890123456789012345678901234567890123456789012345678901234x",
    ],
    same_names: &[&["serde_json", "serde-json", "Serde_JSON"], &["A", "a"]],
    versions: &[
        "0.0.0-0",
        "0.0.0",
        "0.0.1-alpha",
        "0.0.1+build.7",
        "1.0.0-0",
        "1.0.0-1",
        "1.0.0-10",
        "1.0.0-99999999999999999999",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.1.0",
        "1.0.0-alpha.beta+001",
        "1.0.0-alpha-",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.1+a-b.c",
        "1.2.0",
        "1.10.0",
        "2.0.0-rc.1",
        "2.0.0",
        "10.0.0",
        "9007199254740993.0.0",
        "18446744073709551615.0.0",
    ],
    bad_versions: &[
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        " 1.2.3",
        "01.2.3",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3-ä",
        "18446744073709551616.0.0",
        "1.x.0",
        "^1.0.0",
    ],
};
