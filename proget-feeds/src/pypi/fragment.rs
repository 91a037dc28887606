//! What is stored about a version and about a file, so that indexes are made without opening either.
//!
//! Hash, size and time of a file are in its row already; here is only what the row does not know.

use proget_core::digest::Sha256;
use proget_core::package::Fragment;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What indexes need of one file beside its row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFragment {
    /// `bdist_wheel` or `sdist`.
    #[serde(rename = "t")]
    pub(super) filetype: String,
    /// `py3`, `cp312`, or `source`.
    #[serde(rename = "v", default, skip_serializing_if = "String::is_empty")]
    pub(super) python: String,
    /// The Python versions asked for.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) requires_python: Option<String>,
    /// The digest of the metadata file that is served beside this one, if one is.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) core_metadata: Option<Sha256>,
}

impl FileFragment {
    /// As it is stored.
    pub(super) fn encode(&self) -> Fragment {
        // Texts and digests always serialize.
        Fragment(serde_json::to_vec(self).unwrap_or_default().into())
    }

    /// Reads what [`FileFragment::encode`] wrote; what is damaged says nothing, and the file is served all the same.
    pub(super) fn decode(fragment: &Fragment) -> Self {
        serde_json::from_slice(&fragment.0).unwrap_or_else(|error| {
            tracing::error!(%error, "the stored part of a file in indexes is damaged; it is left out");
            Self::default()
        })
    }
}

/// What is told about a version, as it is stored.
pub(super) fn version(told: &Map<String, Value>) -> Fragment {
    Fragment(serde_json::to_vec(told).unwrap_or_default().into())
}

/// Reads what [`version`] wrote; empty if it is damaged.
pub(super) fn told(fragment: &Fragment) -> Map<String, Value> {
    serde_json::from_slice(&fragment.0).unwrap_or_default()
}
