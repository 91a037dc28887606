//! A throw-away registry for the tests of something else: started in milliseconds, gone when dropped.

use proget_server::TestServer;
use proget_server::proget_core::access::Permissions;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, other) = (TestServer::start().await?, TestServer::start().await?);
    assert_ne!(server.url(), other.url(), "as many as one likes");

    let feed = server.create_feed("internal", "npm").await?;
    let key = server.feed_key(&feed, Permissions { view: true, add: true, ..Permissions::default() }).await?;
    let client = reqwest::Client::new();

    let upload = format!("{}/api/packages/internal/upload", server.url());
    let package = proget_examples::npm_package("left-pad", "1.3.0")?;
    client.put(&upload).header("x-apikey", &key).body(package).send().await?.error_for_status()?;

    // Here the thing that is to be tested would be pointed at this address.
    let index = format!("{}/left-pad", server.feed_url("npm", "internal"));
    assert_eq!(client.get(&index).send().await?.status(), 401, "nothing is open by default");
    let index: serde_json::Value = client.get(&index).bearer_auth(&key).send().await?.json().await?;
    assert_eq!(index["dist-tags"]["latest"], "1.3.0");

    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists(), "gone without a trace");
    Ok(())
}
