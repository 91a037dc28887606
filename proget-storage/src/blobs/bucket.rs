//! The address of a bucket: which one, where, and the options of its service. Never credentials: those
//! come from the environment, under the names that the services' own tools use (see `cloud`).

use super::error::OpenError;
use object_store::path::Path as ObjectPath;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Who keeps the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Amazon S3, and whatever speaks its protocol.
    S3,
    /// Azure Blob Storage; its buckets are called containers.
    Azure,
}

/// An option in an address, and the service's own name for it.
pub(super) struct Known {
    pub(super) option: &'static str,
    pub(super) key: &'static str,
}

const fn known(option: &'static str, key: &'static str) -> Known {
    Known { option, key }
}

const S3: &[Known] = &[
    known("region", "aws_region"),
    known("endpoint", "aws_endpoint"),
    known("virtual-host", "aws_virtual_hosted_style_request"),
    known("encryption", "aws_server_side_encryption"),
    known("kms-key", "aws_sse_kms_key_id"),
];

const AZURE: &[Known] =
    &[known("account", "azure_storage_account_name"), known("endpoint", "azure_storage_endpoint")];

impl Service {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3),
            "az" => Some(Self::Azure),
            _ => None,
        }
    }

    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
        }
    }

    /// The options that its addresses may have.
    pub(super) fn options(self) -> &'static [Known] {
        match self {
            Self::S3 => S3,
            Self::Azure => AZURE,
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::S3 => "s3://bucket/prefix?region=eu-central-1",
            Self::Azure => "az://container/prefix?account=name",
        }
    }
}

/// The address of a bucket of S3 (and what speaks its protocol) or Azure, and a prefix in it.
///
/// | address | options |
/// | --- | --- |
/// | `s3://bucket/prefix` | `region`; `endpoint`, the URL of a server other than Amazon's; `virtual-host=true` for bucket names in the host; `encryption`: `AES256`, `aws:kms` or `aws:kms:dsse`; `kms-key` |
/// | `az://container/prefix` | `account`; `endpoint`, the account's URL if it is not at Azure's usual place |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    pub(super) service: Service,
    pub(super) bucket: String,
    pub(super) prefix: ObjectPath,
    /// By the service's own names.
    pub(super) options: Vec<(&'static str, String)>,
}

impl BucketAddress {
    /// Is the text the address of a bucket, well-formed or not?
    pub(super) fn is_meant(scheme: &str) -> bool {
        Service::of(&scheme.to_ascii_lowercase()).is_some()
    }
}

impl FromStr for BucketAddress {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        let Some(service) = Service::of(&scheme) else {
            return Err(OpenError::UnsupportedScheme { scheme });
        };
        // The address is not repeated: somebody may have put credentials into it.
        let malformed = |reason: String| OpenError::MalformedBucket {
            scheme: service.scheme(),
            reason,
            example: service.example(),
        };
        let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(malformed("credentials do not belong into it; give them in the environment".into()));
        }
        if url.port().is_some() || url.fragment().is_some() {
            return Err(malformed("it has a port or a '#'; a server is named by ?endpoint=".into()));
        }
        let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
        let bucket = bucket.ok_or_else(|| malformed("it names no bucket".into()))?.to_owned();
        let prefix = ObjectPath::from_url_path(url.path().trim_matches('/'))
            .map_err(|error| malformed(format!("its prefix cannot be used: {error}")))?;
        let mut options: Vec<(&'static str, String)> = Vec::new();
        for (option, value) in url.query_pairs() {
            let Some(known) = service.options().iter().find(|known| known.option == option) else {
                let all: Vec<&str> = service.options().iter().map(|known| known.option).collect();
                return Err(malformed(format!("it has an option other than {}", all.join(", "))));
            };
            if options.iter().any(|(key, _)| *key == known.key) {
                return Err(malformed(format!("it has the option {} twice", known.option)));
            }
            if known.option == "endpoint" {
                check_endpoint(&value).map_err(malformed)?;
            }
            options.push((known.key, value.into_owned()));
        }
        Ok(Self { service, bucket, prefix, options })
    }
}

fn check_endpoint(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("its endpoint cannot be used: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err("its endpoint is not an http or https address without credentials".into());
    }
    Ok(())
}

/// As it is written; it holds no secret.
impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.service.scheme(), self.bucket)?;
        if !self.prefix.is_root() {
            write!(f, "/{}", self.prefix)?;
        }
        let mut before = '?';
        for (key, value) in &self.options {
            let Some(known) = self.service.options().iter().find(|known| known.key == *key) else { continue };
            write!(f, "{before}{}={value}", known.option)?;
            before = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_bucket_and_survives_its_text() {
        for text in [
            "s3://packages",
            "s3://packages/team/a?region=eu-central-1&encryption=aws:kms&kms-key=k",
            "s3://packages?endpoint=http://127.0.0.1:9000&virtual-host=true",
            "az://container/x?account=name",
        ] {
            let address: BucketAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let address: BucketAddress = "S3://packages//a/b/".parse().unwrap();
        assert_eq!(address.to_string(), "s3://packages/a/b");
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_secrets() {
        for (text, why) in [
            ("s3://key:secret@bucket", "credentials do not belong"),
            ("s3://", "no bucket"),
            ("s3://bucket:9000/x", "?endpoint="),
            ("s3://bucket?secret=secret", "an option other than region, endpoint"),
            ("az://bucket?region=secret", "an option other than account, endpoint"),
            ("s3://bucket?region=a&region=secret", "twice"),
            ("s3://bucket?endpoint=http://u:secret@host", "without credentials"),
            ("az://bucket?endpoint=ftp://secret", "http or https"),
        ] {
            let message = text.parse::<BucketAddress>().unwrap_err().to_string();
            assert!(
                message.contains(why) && message.contains("bucket") || message.contains("container"),
                "{message}"
            );
            assert!(!message.contains("secret@") && !message.contains("=secret"), "{message}");
        }
    }
}
