//! The part one version contributes to packuments, kept so that building one is joining text.
//!
//! Two documents are made of the same versions, and the short one is asked for far more often. So
//! the version object is stored in two halves, each a JSON object whose members are copied as they
//! are: what installing needs, and the rest. `dist` is a third object, kept with the file, because
//! it describes the file; the tarball's address is not in it, because it depends on who asks.

use bytes::Bytes;
use proget_core::package::Fragment;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Members of a version object that installing needs, in the words of
/// <https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>; `dist` and
/// `deprecated` are added when a document is made.
const INSTALL: [&str; 20] = [
    "name",
    "version",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "acceptDependencies",
    "bin",
    "directories",
    "engines",
    "os",
    "cpu",
    "libc",
    "funding",
    "_hasShrinkwrap",
    "hasInstallScript",
    "hasShrinkwrap",
];

/// A stored version object, its halves not looked into.
#[derive(Debug, Deserialize)]
pub(crate) struct VersionFragment<'a> {
    /// What installing needs.
    #[serde(borrow)]
    pub(crate) install: &'a RawValue,
    /// The rest.
    #[serde(borrow)]
    pub(crate) more: &'a RawValue,
}

impl<'a> VersionFragment<'a> {
    /// Splits a version object, from which `dist` has been taken, into its halves.
    pub(crate) fn encode(version: Map<String, Value>) -> Fragment {
        #[derive(Serialize)]
        struct Halves {
            install: Map<String, Value>,
            more: Map<String, Value>,
        }
        let (install, more) = version.into_iter().partition(|(key, _)| INSTALL.contains(&key.as_str()));
        json(&Halves { install, more })
    }

    /// Reads what [`VersionFragment::encode`] wrote; `None` if it is damaged.
    pub(crate) fn decode(fragment: &'a Fragment) -> Option<Self> {
        serde_json::from_slice(&fragment.0).ok()
    }

    /// One member of the rest, for documents about the package as a whole.
    pub(crate) fn rest(&self) -> Map<String, Value> {
        serde_json::from_str(self.more.get()).unwrap_or_default()
    }
}

/// Any value as a fragment. Values made of JSON and plain structs always serialize.
pub(crate) fn json(value: &impl Serialize) -> Fragment {
    Fragment(Bytes::from(serde_json::to_vec(value).unwrap_or_default()))
}
