//! The tree on disk, and the only functions that build paths in it.

use object_store::path::Path as ObjectPath;
use proget_core::blob::BlobKey;
use std::path::{Path, PathBuf};

/// Where things lie below one root.
///
/// ```text
/// <root>/
/// ├── blobs/                          one file system: all that must survive
/// │   ├── ab/cd/<64 hex>-<32 hex>     a blob: digest, generation; folders by the digest's first four digits
/// │   ├── arriving/<incarnation>/     copies on their way to a place above; private to one process
/// │   │   ├── lock                    locked while that process lives
/// │   │   └── <upload id>
/// │   └── witness                     the store's note about its installation
/// └── scratch/<incarnation>/          uploads not yet accepted; usually the same file system
///     ├── lock
///     └── <upload id>
/// ```
///
/// `arriving` lies below `blobs` and not in `scratch`, because an operator may put scratch on a
/// faster disk of its own: from there a file can be neither linked nor renamed to its place.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// `root` must be absolute and without symbolic links, so that paths below it compare.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn arriving(&self) -> PathBuf {
        self.root.join("blobs").join("arriving")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    pub(crate) fn witness(&self) -> PathBuf {
        self.root.join("blobs").join("witness")
    }

    /// The two folders above a blob, outermost first.
    pub(crate) fn folders(&self, key: &BlobKey) -> [PathBuf; 2] {
        let [first, second] = folder_names(key);
        let outer = self.blobs().join(first);
        let inner = outer.join(second);
        [outer, inner]
    }

    pub(crate) fn blob(&self, key: &BlobKey) -> PathBuf {
        let [_, inner] = self.folders(key);
        inner.join(key.to_string())
    }

    /// A path below the root as `object_store` spells it; `None` for anything else.
    pub(crate) fn object(&self, path: &Path) -> Option<ObjectPath> {
        let below = path.strip_prefix(&self.root).ok()?;
        ObjectPath::parse(below.to_str()?).ok()
    }
}

/// The names of the folders above a blob: the digest's first two digits, then the next two.
pub(crate) fn folder_names(key: &BlobKey) -> [String; 2] {
    let [first, second, ..] = key.digest.0;
    [format!("{first:02x}"), format!("{second:02x}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::digest::Sha256;

    #[test]
    fn a_blob_lies_two_folders_deep_under_its_digest_and_generation() {
        let layout = Layout::new("/srv/p".into());
        let key = BlobKey::fresh(Sha256::of(b"abc"));
        assert_eq!(layout.blob(&key), PathBuf::from(format!("/srv/p/blobs/ba/78/{key}")));
        assert_eq!(layout.object(&layout.blob(&key)).unwrap().as_ref(), format!("blobs/ba/78/{key}"));
        assert_eq!(layout.object(Path::new("/elsewhere/x")), None);
    }
}
