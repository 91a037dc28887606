//! Buckets of our own: moto for S3, Azurite for Azure, each a process on loopback, to be killed and started
//! again. Both ask for credentials, as the real ones do.
//!
//! Nothing of these services can make a bucket but a signed request, so that is done here, with what
//! `object_store` has for signing. moto keeps all in memory: ended, it has forgotten everything.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::{Client, RequestBuilder, Response};

use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::workspace;
use crate::{Outcome, SOON, free_port};

const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "packages";
/// Any; here 32 bytes in base64.
const KEY: &str = "cGFja2FnZXMgcGFja2FnZXMgcGFja2FnZXMgcGFja2E=";

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// By moto.
    S3,
    /// By Azurite.
    Azure,
}

/// A server that keeps buckets. Dropped, it is ended.
#[derive(Debug)]
pub struct CloudServer {
    cloud: Cloud,
    process: Option<Process>,
    place: Arc<Place>,
    port: u16,
    /// What moto gave us.
    key: Option<AwsCredential>,
}

/// A fresh bucket: its address for `PROGET_STORAGE_ROOT`, and the variables that open it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Without a prefix.
    pub address: String,
    /// Names and values for the environment.
    pub variables: Vec<(String, String)>,
}

impl CloudServer {
    /// Starts a server and waits until it answers.
    pub async fn start(cloud: Cloud) -> Outcome<Self> {
        let place = Arc::new(Place::new("cloud", None)?);
        let mut server = Self { cloud, process: None, place, port: free_port()?, key: None };
        server.resume().await?;
        if cloud == Cloud::S3 {
            server.key = Some(server.first_key().await?);
        }
        Ok(server)
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) -> Outcome {
        let mut process = self.process.take().context("the store does not run")?;
        process.end(Signal::Kill, SOON).await.map(drop)
    }

    /// Ends it in order, so that it can be resumed with what it kept: Azurite saves its lists now and then,
    /// and at its end.
    pub async fn stop(&mut self) -> Outcome {
        let mut process = self.process.take().context("the store does not run")?;
        process.end(Signal::Terminate, SOON).await.map(drop)
    }

    /// Freezes it with SIGSTOP: whoever asks hears nothing.
    pub fn freeze(&mut self) -> Outcome {
        self.process.as_mut().context("the store does not run")?.signal(Signal::Stop)
    }

    /// Lets it go on.
    pub fn thaw(&mut self) -> Outcome {
        self.process.as_mut().context("the store does not run")?.signal(Signal::Continue)
    }

    /// Starts it again, with what it kept on its disk, and waits until it answers.
    pub async fn resume(&mut self) -> Outcome {
        ensure!(self.process.is_none(), "the store already runs");
        let (port, data) = (self.port.to_string(), self.place.path().join("data"));
        let mut command = match self.cloud {
            Cloud::S3 => {
                let mut command = Command::new(installed("stores/bin/moto_server")?);
                command.args(["-H", "127.0.0.1", "-p", &port]);
                // After these nobody comes in without a key: a user, what it may do, its key.
                command.env("INITIAL_NO_AUTH_ACTION_COUNT", "3");
                command
            }
            Cloud::Azure => {
                let mut command = Command::new(installed("node_modules/.bin/azurite-blob")?);
                command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
                command.args(["--blobHost", "127.0.0.1", "--blobPort", &port, "--location"]).arg(data);
                command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
                command
            }
        };
        command.env_remove("HTTP_PROXY").env_remove("http_proxy");
        let mut process = Process::start("cloud", command, None, &self.place, Signal::Kill)?;
        let port = self.port;
        let connects = || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .map(drop)
                .context("connecting to the store")
        };
        process.until_ready(SOON, connects).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Makes moto let in whoever comes with a signed link: it fails (500) at any request without an
    /// `Authorization` while it checks keys, and never checks the signature of a link. Azurite does.
    pub async fn admit_links(&self) -> Outcome {
        if self.cloud == Cloud::S3 {
            let request = Client::new().post(format!("{}/moto-api/reset-auth", self.url()));
            done(request.body("1000000").send().await?).await?;
        }
        Ok(())
    }

    /// Makes a bucket that nobody else has.
    pub async fn bucket(&self) -> Outcome<Bucket> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (url, client) = (self.url(), Client::new());
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self.cloud {
            Cloud::S3 => {
                let key = self.key.as_ref().context("moto has given no key")?;
                let body = format!(
                    "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
                );
                let mut request: HttpRequest =
                    http::Request::put(format!("{url}/{name}")).body(HttpRequestBody::from(body.clone()))?;
                AwsAuthorizer::new(key, "s3", REGION).try_authorize(&mut request, None)?;
                done(signed(&client, request).body(body).send().await?).await?;
                Ok(Bucket {
                    address: format!("s3://{name}?region={REGION}&endpoint={url}"),
                    variables: vec![
                        variable("AWS_ACCESS_KEY_ID", &key.key_id),
                        variable("AWS_SECRET_ACCESS_KEY", &key.secret_key),
                    ],
                })
            }
            Cloud::Azure => {
                let endpoint = format!("{url}/{ACCOUNT}");
                let mut request: HttpRequest =
                    http::Request::put(format!("{endpoint}/{name}?restype=container"))
                        .body(HttpRequestBody::empty())?;
                let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY)?);
                AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut request)?;
                done(signed(&client, request).header("content-length", 0).send().await?).await?;
                Ok(Bucket {
                    address: format!("az://{name}"),
                    variables: vec![variable(
                        "AZURE_STORAGE_CONNECTION_STRING",
                        &format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"),
                    )],
                })
            }
        }
    }

    /// A user of moto's who may do everything, while moto still lets everybody in.
    async fn first_key(&self) -> Outcome<AwsCredential> {
        const POLICY: &str =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let client = Client::new();
        let act = async |action: &str, more: &[(&str, &str)]| {
            let form: Vec<(&str, &str)> =
                [("Action", action), ("Version", "2010-05-08"), ("UserName", "packages")]
                    .into_iter()
                    .chain(more.iter().copied())
                    .collect();
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            // Only the scope is read, which says for whom it is.
            let scope = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x";
            let request = client.post(self.url()).header("authorization", scope);
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            done(request.send().await?).await
        };
        act("CreateUser", &[]).await?;
        act("PutUserPolicy", &[("PolicyName", "all"), ("PolicyDocument", POLICY)]).await?;
        let answer = act("CreateAccessKey", &[]).await?;
        let between = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        Ok(AwsCredential {
            key_id: between("AccessKeyId").context("moto gave no key")?,
            secret_key: between("SecretAccessKey").context("moto gave no secret")?,
            token: None,
        })
    }
}

/// The request with the headers that were made for it.
fn signed(client: &Client, request: HttpRequest) -> RequestBuilder {
    let (head, _) = request.into_parts();
    client.request(head.method, head.uri.to_string()).headers(head.headers)
}

async fn done(response: Response) -> Outcome<String> {
    let (status, url) = (response.status(), response.url().clone());
    let text = response.text().await?;
    ensure!(status.is_success(), "{url} answers {status}: {text}");
    Ok(text)
}

/// A program that `./test.sh --install` put into its folder.
fn installed(name: &str) -> Outcome<PathBuf> {
    let file = workspace().join("target/clients").join(name);
    ensure!(file.exists(), "{} is not there: run ./test.sh, which installs it", file.display());
    Ok(file)
}
