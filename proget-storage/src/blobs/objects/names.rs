//! The names of objects, and the only functions that build them.

use crate::blobs::layout::folder_names;
use object_store::path::Path as ObjectPath;
use proget_core::blob::BlobKey;

/// Where things lie below one prefix; see [`ObjectBlobs`](super::ObjectBlobs).
#[derive(Debug, Clone)]
pub(super) struct Names {
    blobs: ObjectPath,
}

impl Names {
    pub(super) fn below(prefix: ObjectPath) -> Self {
        Self { blobs: prefix.join("blobs") }
    }

    pub(super) fn blobs(&self) -> &ObjectPath {
        &self.blobs
    }

    /// Says that this is a package store.
    pub(super) fn mark(&self) -> ObjectPath {
        self.blobs.clone().join("store")
    }

    pub(super) fn witness(&self) -> ObjectPath {
        self.blobs.clone().join("witness")
    }

    /// Where something is written and deleted to try things out.
    pub(super) fn probes(&self) -> ObjectPath {
        self.blobs.clone().join("probe")
    }

    pub(super) fn blob(&self, key: &BlobKey) -> ObjectPath {
        let [outer, inner] = folder_names(key);
        self.blobs.clone().join(outer).join(inner).join(key.to_string())
    }

    /// The key of a blob that lies where we put it; `None` for everything else.
    pub(super) fn key(&self, at: &ObjectPath) -> Option<BlobKey> {
        let key: BlobKey = at.filename()?.parse().ok()?;
        (self.blob(&key) == *at).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::digest::Sha256;

    #[test]
    fn a_blob_lies_as_in_a_directory_and_is_known_again_only_there() {
        let names = Names::below(ObjectPath::from("team/packages"));
        let key = BlobKey::fresh(Sha256::of(b"abc"));
        let at = names.blob(&key);
        assert_eq!(at.as_ref(), format!("team/packages/blobs/ba/78/{key}"));
        assert_eq!(names.key(&at), Some(key));
        for other in [format!("team/packages/blobs/ba/79/{key}"), format!("blobs/ba/78/{key}"), "x".into()] {
            assert_eq!(names.key(&ObjectPath::from(other)), None);
        }
        assert_eq!([names.key(&names.mark()), names.key(&names.witness())], [None, None]);
    }
}
