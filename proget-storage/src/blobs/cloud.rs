//! From the address of a bucket to the clients that reach it.
//!
//! Credentials come as variables under the names that the services' own tools use, by default those of
//! this process (`AWS_ACCESS_KEY_ID`, `AZURE_STORAGE_ACCOUNT_KEY` …). Where none
//! are given, `object_store` asks who the machine is: instance roles, web identities, managed identities.
//!
//! What surprised us: the library tries ten times within three minutes, which is too patient for somebody
//! who waits.

use super::bucket::{BucketAddress, Service};
use super::error::OpenError;
use super::http::Connector;
use super::objects::{BucketAccess, ObjectBlobs};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// A question is answered so soon, or asked again.
const ANSWER: Duration = Duration::from_secs(10);

/// One object in its two parts.
type Client = (Arc<dyn ObjectStore>, Arc<dyn Signer>);

/// A setting in the service's own name for it, and its value.
type Setting = (String, String);

impl BucketAddress {
    /// Opens the store with the credentials of this process's environment.
    ///
    /// # Errors
    /// If the credentials cannot be used, or as [`ObjectBlobs::open`].
    pub async fn open(&self) -> Result<ObjectBlobs, OpenError> {
        // A variable that is no text is none of these.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        self.open_with(std::env::vars_os().filter_map(text)).await
    }

    /// Opens the store with credentials under the names of the environment's variables. Those that
    /// do not belong to the address's service are not looked at.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        &self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ObjectBlobs, OpenError> {
        let settings = self
            .settings(variables)
            .map_err(|reason| OpenError::Credentials { name: self.to_string(), reason })?;
        let client = |limit| {
            self.client(&settings, limit)
                .map_err(|error| OpenError::NoClient { name: self.to_string(), reason: error.to_string() })
        };
        let ((control, signer), (bulk, _)) = (client(Some(ANSWER))?, client(None)?);
        let access = BucketAccess { control, bulk, signer: Some(signer) };
        ObjectBlobs::open(access, self.prefix.clone(), self.to_string()).await
    }

    /// What the variables say, and then what the address says, which counts more.
    fn settings(&self, variables: impl IntoIterator<Item = Setting>) -> Result<Vec<Setting>, String> {
        let prefix = match self.service {
            Service::S3 => "aws_",
            Service::Azure => "azure_",
        };
        let mut settings = Vec::new();
        for (name, value) in variables {
            let name = name.to_ascii_lowercase();
            if name == "azure_storage_connection_string" && self.service == Service::Azure {
                settings.extend(connection_string(&value)?);
            } else if name == "identity_endpoint" && self.service == Service::Azure {
                settings.push(("azure_msi_endpoint".to_owned(), value));
            } else if name.starts_with(prefix) {
                settings.push((name, value));
            }
        }
        settings.extend(self.options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Ok(settings)
    }

    fn client(&self, settings: &[Setting], limit: Option<Duration>) -> object_store::Result<Client> {
        let connector = Connector::new(limit)?;
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: 3,
            retry_timeout: Duration::from_secs(15),
        };
        // Names that the library does not know are of other tools.
        macro_rules! built {
            ($builder:expr) => {{
                let mut builder = $builder;
                for (name, value) in settings {
                    if let Ok(key) = name.parse() {
                        builder = builder.with_config(key, value.clone());
                    }
                }
                builder.with_http_connector(connector).with_retry(retry)
            }};
        }
        Ok(match self.service {
            Service::S3 => {
                let client = Arc::new(built!(AmazonS3Builder::new()).with_bucket_name(&self.bucket).build()?);
                (client.clone(), client)
            }
            Service::Azure => {
                let builder = built!(MicrosoftAzureBuilder::new()).with_container_name(&self.bucket);
                let client = Arc::new(builder.build()?);
                (client.clone(), client)
            }
        })
    }
}

/// <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>
fn connection_string(text: &str) -> Result<Vec<Setting>, String> {
    let mut settings = Vec::new();
    let (mut account, mut endpoint, mut suffix, mut protocol) = (None, None, None, "https");
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) =
            part.split_once('=').ok_or("a part of AZURE_STORAGE_CONNECTION_STRING has no '='")?;
        match name.to_ascii_lowercase().as_str() {
            "accountname" => account = Some(value),
            "accountkey" => settings.push(("azure_storage_account_key".to_owned(), value.to_owned())),
            "sharedaccesssignature" => settings.push(("azure_storage_sas_key".to_owned(), value.to_owned())),
            "blobendpoint" => endpoint = Some(value.to_owned()),
            "endpointsuffix" => suffix = Some(value),
            "defaultendpointsprotocol" => protocol = value,
            // Of queues, tables and files.
            _ => {}
        }
    }
    if let Some(account) = account {
        settings.push(("azure_storage_account_name".to_owned(), account.to_owned()));
        endpoint = endpoint.or_else(|| Some(format!("{protocol}://{account}.blob.{}", suffix?)));
    }
    settings.extend(endpoint.map(|endpoint| ("azure_storage_endpoint".to_owned(), endpoint)));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(settings: &[Setting], name: &str) -> Option<String> {
        settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_connection_string_says_account_key_and_where() {
        let text =
            "DefaultEndpointsProtocol=https;AccountName=me;AccountKey=c2VjcmV0==;EndpointSuffix=example.net";
        let settings = connection_string(text).unwrap();
        assert_eq!(value(&settings, "azure_storage_account_name").as_deref(), Some("me"));
        assert_eq!(value(&settings, "azure_storage_account_key").as_deref(), Some("c2VjcmV0=="));
        assert_eq!(
            value(&settings, "azure_storage_endpoint").as_deref(),
            Some("https://me.blob.example.net")
        );
        let error = connection_string("AccountName=me;secret").unwrap_err();
        assert!(error.contains("AZURE_STORAGE_CONNECTION_STRING") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_address_counts_more_than_the_environment_and_other_services_are_not_looked_at() {
        let address: BucketAddress = "s3://bucket?region=here".parse().unwrap();
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let variables =
            [variable("AWS_REGION", "there"), variable("AZURE_STORAGE_KEY", "x"), variable("PATH", "/bin")];
        let settings = address.settings(variables).unwrap();
        assert_eq!(value(&settings, "aws_region").as_deref(), Some("here"));
        assert_eq!(settings.len(), 2);
    }
}
