//! A registry below a path of another Poem application. Links in its documents begin with that path.

use poem::endpoint::make_sync;
use poem::{EndpointExt, Route, listener::TcpAcceptor};
use proget_server::accounts::{FirstAdministrator, KeyText};
use proget_server::{LocalStore, Scratch, Server, SqlCatalog, SqlOptions};
use std::{error::Error, sync::Arc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite://{}", folder.path().join("registry.db").display());
    let key = KeyText::random()?;

    let packages = Server::builder()
        .catalog(Arc::new(SqlCatalog::open(&database, SqlOptions::default()).await?))
        .packages(
            Arc::new(LocalStore::open(folder.path()).await?),
            Arc::new(Scratch::open(folder.path()).await?),
        )
        .administrator(FirstAdministrator { api_key: Some(key.clone()), ..Default::default() })
        .feed("internal", "npm")
        .build()
        .await?
        .endpoint();
    let app =
        Route::new().at("/", make_sync(|_| "the other application")).nest("/packages", packages.boxed());

    let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let origin = format!("http://{}", socket.local_addr()?);
    let serving = poem::Server::new_with_acceptor(TcpAcceptor::from_std(socket)?).run(app);
    let serving = tokio::spawn(serving);

    let client = reqwest::Client::new();
    let with_key = |request: reqwest::RequestBuilder| request.header("x-apikey", key.reveal());
    assert_eq!(client.get(&origin).send().await?.text().await?, "the other application");

    let package = proget_examples::npm_package("left-pad", "1.3.0")?;
    let upload = client.put(format!("{origin}/packages/api/packages/internal/upload")).body(package.clone());
    with_key(upload).send().await?.error_for_status()?;

    let index = with_key(client.get(format!("{origin}/packages/npm/internal/left-pad"))).send().await?;
    let index: serde_json::Value = index.error_for_status()?.json().await?;
    let tarball = index["versions"]["1.3.0"]["dist"]["tarball"].as_str().unwrap_or_default();
    assert!(tarball.starts_with(&format!("{origin}/packages/npm/internal/")), "{tarball}");
    assert_eq!(with_key(client.get(tarball)).send().await?.bytes().await?, package);
    serving.abort();
    Ok(())
}
