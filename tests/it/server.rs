//! The program as a process: starting, stopping, being killed and frozen, and refusing to start.
//! What is served is other files' business.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, SOON, ServerSetup, eventually};

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_and_a_stopped_one_ends_well() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    let live = format!("{}/health/live", server.url());
    ensure!(server.http().get(&live).send().await?.status() == 200);
    server.kill().await?;
    ensure!(server.http().get(&live).send().await.is_err(), "a killed server still answers");
    server.resume().await?;
    ensure!(server.http().get(&live).send().await?.status() == 200);
    server.stop().await?;
    ensure!(server.http().get(&live).send().await.is_err(), "a stopped server still answers");
    ensure!(!server.log().is_empty(), "it said nothing at all");
    let data = server.data();
    ensure!(data.is_dir(), "{} is missing", data.display());
    drop(server);
    ensure!(!data.exists(), "{} is left behind", data.display());
    Ok(())
}

#[tokio::test]
async fn a_frozen_server_goes_on_where_it_was() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    let live = format!("{}/health/live", server.url());
    let id = server.id()?;
    server.freeze()?;
    let http = server.http().clone();
    let frozen = http.get(&live).timeout(Duration::from_millis(300)).send().await;
    ensure!(frozen.is_err_and(|error| error.is_timeout()), "a frozen server answers");
    server.thaw()?;
    eventually("the server answers again", SOON, || async {
        ensure!(http.get(&live).timeout(Duration::from_secs(1)).send().await?.status() == 200);
        Ok(())
    })
    .await?;
    ensure!(server.id()? == id, "it is another process now");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_sentence_and_a_failure() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let mut server = ServerSetup::new().env("PROGET_LISTEN", &address).prepare().await?;
    let said = server.refuse_to_start().await?;
    let sentence = said.lines().find(|line| line.contains(&address)).context("the address is not named")?;
    ensure!(sentence.contains("in use"), "unclear: {sentence}");
    ensure!(!said.contains("panicked"), "it panicked:\n{said}");
    Ok(())
}
