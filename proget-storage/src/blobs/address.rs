//! Which store an address means.

use super::bucket::BucketAddress;
use super::error::OpenError;
use super::local::LocalStore;
use proget_core::blob::BlobStore;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use url::Url;

/// The address of a package store, understood but not yet opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreAddress {
    /// A directory of this machine, or of a share that is mounted.
    Directory(PathBuf),
    /// A bucket of S3 or Azure.
    Bucket(BucketAddress),
}

impl StoreAddress {
    /// The directory, if the store is one; scratch in the same directory saves a copy per upload.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Bucket(_) => None,
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// If the store cannot be used; the sentence says what to do.
    pub async fn open(&self) -> Result<Arc<dyn BlobStore>, OpenError> {
        match self {
            Self::Directory(path) => Ok(Arc::new(LocalStore::open(path).await?)),
            Self::Bucket(address) => Ok(Arc::new(address.open().await?)),
        }
    }
}

/// `file:///srv/packages` (see [RFC 8089](https://www.rfc-editor.org/rfc/rfc8089)), a plain path, or
/// a [`BucketAddress`].
impl FromStr for StoreAddress {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let malformed = |reason: &str| OpenError::MalformedAddress {
            address: text.to_owned(),
            reason: reason.to_owned(),
        };
        if text.is_empty() {
            return Err(malformed("it is empty"));
        }
        if text.starts_with(r"\\") {
            return Err(OpenError::UnsupportedScheme { scheme: r"\\ (a Windows share)".to_owned() });
        }
        let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Ok(Self::Directory(text.into()));
        };
        if BucketAddress::is_meant(scheme) {
            return text.parse().map(Self::Bucket);
        }
        // The rest is not repeated: addresses of other schemes may carry credentials.
        if !scheme.eq_ignore_ascii_case("file") {
            return Err(OpenError::UnsupportedScheme { scheme: scheme.to_owned() });
        }
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(malformed("'?' and '#' mean nothing here; in a name they are written %3F and %23"));
        }
        let path =
            url.to_file_path().map_err(|()| malformed("a host other than this one stands after '//'"))?;
        Ok(Self::Directory(path))
    }
}

/// The directory as a plain path, or the bucket's address.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket(address) => address.fmt(f),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
}

/// Opens the store that `address` names: `file:///srv/packages`, a plain path, or a [`BucketAddress`].
///
/// # Errors
/// If the address is not understood or the store cannot be used; the sentence says what to do.
pub async fn open_store(address: &str) -> Result<Arc<dyn BlobStore>, OpenError> {
    address.parse::<StoreAddress>()?.open().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(text: &str) -> PathBuf {
        text.parse::<StoreAddress>().unwrap().directory().unwrap().to_owned()
    }

    #[test]
    fn file_addresses_and_plain_paths_mean_directories() {
        assert_eq!(directory("file:///srv/a%20b"), Path::new("/srv/a b"));
        assert_eq!(directory("FILE://localhost/srv"), Path::new("/srv"));
        assert_eq!(directory("./data"), Path::new("./data"));
        assert_eq!(directory("/srv/odd://name"), Path::new("/srv/odd://name"));
    }

    #[test]
    fn buckets_have_addresses_of_their_own() {
        for text in ["s3://bucket/x?region=eu-central-1", "az://container/y?account=z"] {
            let address: StoreAddress = text.parse().unwrap();
            assert!(matches!(address, StoreAddress::Bucket(_)) && address.to_string() == text, "{address}");
        }
        let error = "s3://key:secret@bucket".parse::<StoreAddress>().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn other_addresses_are_refused_with_what_is_supported_and_without_credentials() {
        for text in ["ftp://key:secret@bucket/x", "smb://u:secret@server/share", r"\\server\secret"] {
            let message = text.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(message.contains("supported are directories") && message.contains("s3://"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
        for text in ["", "file://server/share", "file:///srv?x=1"] {
            let message = text.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(message.contains("file:///srv/packages"), "{message}");
        }
    }
}
