//! A package registry inside another program: a catalogue, a package store, a feed, an address.

use proget_server::{LocalStore, Scratch, Server, SqlCatalog, SqlOptions};
use std::{error::Error, sync::Arc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite://{}", folder.path().join("registry.db").display());

    let server = Server::builder()
        .catalog(Arc::new(SqlCatalog::open(&database, SqlOptions::default()).await?))
        .packages(
            Arc::new(LocalStore::open(folder.path()).await?),
            Arc::new(Scratch::open(folder.path()).await?),
        )
        .feed("internal", "npm")
        .listen("127.0.0.1:0")
        .build()
        .await?;

    let listening = server.listen().await?;
    let url = listening.url();
    // A real program ends with `server.run().await?`, which serves until it is asked to stop.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(listening.serve_until(async { drop(stopped.await) }));

    assert_eq!(reqwest::get(format!("{url}/health/ready")).await?.status(), 200);
    drop(stop);
    assert_eq!(serving.await?.cut, 0, "every request was finished");
    Ok(())
}
