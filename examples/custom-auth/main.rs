//! Callers from somewhere else: an authenticator of one's own in place of the built-in accounts. What
//! a caller may do stays a matter of the rights that come with it.

use async_trait::async_trait;
use proget_server::Server;
use proget_server::proget_core::access::{AuthError, Credentials, FeedScope, Permissions, Rights, Subject};
use proget_server::proget_core::catalog::Catalog;
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::proget_core::{Authenticator, Principal, SystemClock};
use std::{error::Error, sync::Arc};

/// Everybody whose password is their name backwards. Yours would ask a directory.
#[derive(Debug)]
struct Backwards;

#[async_trait]
impl Authenticator for Backwards {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, AuthError> {
        let (user, password) = match credentials {
            Credentials::None => return Ok(Principal::anonymous()),
            Credentials::Password { user, password } => (user, password),
            Credentials::Key(_) => return Err(AuthError::Invalid),
        };
        if password.reveal() != user.chars().rev().collect::<String>() {
            return Err(AuthError::Invalid);
        }
        let may = Permissions { view: true, add: user.starts_with("dev-"), ..Permissions::default() };
        let rights = Arc::new(Rights::in_feeds(FeedScope::All, may));
        Ok(Principal { name: user.as_str().into(), subject: Subject::Trusted, rights })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new(Arc::new(SystemClock)));
    let server = Server::builder()
        .catalog(catalog)
        .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
        .authenticator(Arc::new(Backwards))
        .feed("internal", "npm")
        .listen("127.0.0.1:0")
        .build()
        .await?;
    let listening = server.listen().await?;
    let url = listening.url();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(listening.serve_until(async { drop(stopped.await) }));

    assert_eq!(publish(&url, "dev-anna", "wrong").await?, 401, "unknown");
    assert_eq!(publish(&url, "otto", "otto").await?, 403, "known, and may only look");
    assert_eq!(publish(&url, "dev-anna", "anna-ved").await?, 200, "may publish");
    drop(stop);
    serving.await?;
    Ok(())
}

async fn publish(url: &str, user: &str, password: &str) -> Result<reqwest::StatusCode, Box<dyn Error>> {
    let package = proget_examples::npm_package("left-pad", "1.3.0")?;
    let upload = reqwest::Client::new().put(format!("{url}/api/packages/internal/upload")).body(package);
    Ok(upload.basic_auth(user, Some(password)).send().await?.status())
}
