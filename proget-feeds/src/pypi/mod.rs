//! PyPI: names, versions, wheels, sdists and the simple index; over HTTP if the feature `http` is on.
//!
//! | file | holds |
//! |---|---|
//! | `name`, `version`, `file_name` | what they may be, how they are compared and ordered |
//! | `metadata`, `form` | what a distribution says about itself, and what its upload form says |
//! | `wheel`, `sdist`, `manifest` | what lies in a distribution, and whether it is what it is said to be |
//! | `fragment`, `simple`, `project` | what is stored about a version, and the documents made of it |
//! | `accept` | which form of the index a client wants |
//! | `http` | the requests that Python's clients send, and the answers they understand |

pub mod accept;
pub mod file_name;
pub mod form;
mod fragment;
#[cfg(feature = "http")]
mod http;
mod manifest;
pub mod metadata;
pub mod name;
pub mod project;
mod sdist;
pub mod simple;
pub mod version;
mod wheel;

#[cfg(feature = "http")]
pub use http::{PypiProtocol, Route};
pub use wheel::read_wheel_file;

use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::digest::DigestSet;
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{Manifest, Offer, PackageName, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;

/// The PyPI format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pypi;

/// The PyPI format, as registries hold it.
pub static PYPI: Pypi = Pypi;

impl FeedFormat for Pypi {
    fn id(&self) -> FormatId {
        const PYPI: FormatId = FormatId::from_static("pypi");
        PYPI
    }

    fn purl_type(&self) -> &'static str {
        "pypi"
    }

    fn title(&self) -> &'static str {
        "PyPI"
    }

    /// Upload forms declare both, and project documents tell them.
    fn digests(&self) -> DigestSet {
        DigestSet { md5: true, blake2b: true, ..DigestSet::default() }
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
    names: &[
        "a",
        "requests",
        "zope.interface",
        "typing_extensions",
        "ruamel.yaml.clib",
        "Django",
        "2to3",
        "A-b_c.D",
        "x--y",
    ],
    bad_names: &[
        "", "-a", "a-", ".a", "a.", "_a", "a_", "a b", "a/b", "a\\b", "a%2fb", "..", "crème", "a\0b", "a+b",
        "@a/b", "a~",
    ],
    same_names: &[
        &["friendly-bard", "Friendly-Bard", "FRIENDLY_BARD", "friendly.bard", "friendly-._.-bard"],
        &["a1", "A1"],
    ],
    versions: &[
        "0.dev0",
        "0a0",
        "0",
        "0.0.1",
        "1.dev0",
        "1.0.dev456",
        "1.0a1.dev1",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a2",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0+5.a",
        "1.0+5.0",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.0.1",
        "1.0.15",
        "1.1.dev1",
        "1.1",
        "1.9",
        "1.10",
        "1.255",
        "1.256",
        "2.0.0rc1",
        "2",
        "2024.12.31",
        "20241231",
        "18446744073709551615",
        "1!0.1",
        "1!1.0a1",
        "2!0",
    ],
    bad_versions: &[
        "",
        "x",
        "latest",
        "1.",
        "1..2",
        "1.x",
        "1.0-",
        "1.0+",
        "1.0+é",
        "1.0+a..b",
        "1.0 2",
        "1.*",
        "!1",
        "1!",
        "a1",
        "1.0.dev1.post1",
        "18446744073709551616",
        "1.0+99999999999999999999",
    ],
};
