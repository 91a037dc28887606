//! npm: names, versions, tarballs and packuments; over HTTP if the feature `http` is on.
//!
//! | file | holds |
//! |---|---|
//! | `name`, `version`, `tag` | what they may be, how they are compared and ordered |
//! | `split`, `document` | a publish document, split while it arrives, and what it says |
//! | `manifest`, `package_json`, `integrity` | what a tarball holds, and whether it is what it is said to be |
//! | `fragment`, `index`, `found` | what is stored about a version, and the documents made of it |
//! | `http` | the requests that npm's clients send, and the answers they understand |

mod base64_stream;
pub mod document;
pub mod found;
mod fragment;
#[cfg(feature = "http")]
mod http;
pub mod index;
mod integrity;
mod manifest;
pub(crate) mod name;
mod object;
mod package_json;
mod split;
pub(crate) mod tag;
mod version;

#[cfg(feature = "http")]
pub use http::{NpmProtocol, route};
pub use split::{METADATA_LIMIT, Split, Splitter};

use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::digest::DigestSet;
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{Manifest, Offer, PackageName, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;

/// The npm format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Npm;

/// The npm format, as registries hold it.
pub static NPM: Npm = Npm;

impl FeedFormat for Npm {
    fn id(&self) -> FormatId {
        const NPM: FormatId = FormatId::from_static("npm");
        NPM
    }

    fn purl_type(&self) -> &'static str {
        "npm"
    }

    fn title(&self) -> &'static str {
        "npm"
    }

    /// SHA-512 is `integrity`, SHA-1 is `shasum`, which old clients still ask for.
    fn digests(&self) -> DigestSet {
        DigestSet { sha1: true, sha512: true, ..DigestSet::default() }
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
        "left-pad",
        "lodash.merge",
        "under_score",
        "7zip",
        "events",
        "@acme/pkg",
        "@acme/_internal",
        "@a-b/c.d",
    ],
    bad_names: &[
        "",
        ".hidden",
        "_private",
        "-dash",
        "Upper",
        "has space",
        "a/b",
        "@scope",
        "@/a",
        "@a/",
        "@a/b/c",
        "@../x",
        "node_modules",
        "favicon.ico",
        "tilde~",
        "crème",
        "a\\b",
        "a%2fb",
        "..",
        "a\0b",
    ],
    same_names: &[],
    versions: &[
        "0.0.0-0",
        "0.0.0",
        "0.0.1-alpha",
        "0.0.1",
        "1.0.0-0",
        "1.0.0-1",
        "1.0.0-10",
        "1.0.0-99999999999999999999",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.1.0",
        "1.0.0-alpha.beta",
        "1.0.0-alpha-",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "1.10.0",
        "2.0.0-rc.1",
        "2.0.0",
        "10.0.0",
        "9007199254740991.0.0",
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
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3-ä",
        "latest",
        "9007199254740992.0.0",
        "1.x.0",
        "^1.0.0",
    ],
};
