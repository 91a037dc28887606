//! Signals: one stops a server gracefully, a second at once; Ctrl-C ends a command at once.

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, SOON, ServerSetup, Signal, eventually};
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_second_signal_cuts_what_the_first_waits_for() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    server.create_feed("npm", "internal").await?;
    let place = server.url().replace("http://", "");
    // An upload that is under way and never ends.
    let mut upload = TcpStream::connect(&place).await?;
    let head = format!(
        "PUT /npm/internal/widget HTTP/1.1\r\nHost: {place}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
    );
    upload.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    tokio::time::timeout(SOON, upload.read_exact(&mut answer)).await??;
    ensure!(&answer == b"HTTP/1.1 100", "answered {:?}", String::from_utf8_lossy(&answer));
    upload.write_all(b"{").await?;

    server.signal(Signal::Terminate)?;
    eventually("the server takes no new connection", SOON, || async {
        ensure!(TcpStream::connect(&place).await.is_err(), "it still listens");
        Ok(())
    })
    .await?;
    // It waits for the upload: 30 s, unless it is asked again.
    ensure!(server.id().is_ok());
    let begun = std::time::Instant::now();
    server.signal(Signal::Terminate)?;
    let status = server.until_ended(SOON).await?;
    ensure!(status.code() == Some(130), "it ended with {status}");
    ensure!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
    Ok(())
}

/// Does the process handle SIGINT itself? Before that the signal would simply kill it.
fn handles_interrupt(id: u32) -> Outcome<bool> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).context("no line SigCgt")?;
    let interrupt = 1 << (2 - 1);
    Ok(u64::from_str_radix(caught.trim(), 16)? & interrupt != 0)
}

#[tokio::test]
async fn an_interrupted_verification_ends_at_once() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    // A frozen server takes the order and never answers.
    server.freeze()?;
    let mut command = server.command_line(&["verify"]);
    let mut verify = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let id = verify.id().context("the command does not run")?;
    eventually("the command listens for Ctrl-C", SOON, || async {
        ensure!(handles_interrupt(id)?, "not yet");
        Ok(())
    })
    .await?;
    let process = rustix::process::Pid::from_raw(i32::try_from(id)?).context("no process id")?;
    rustix::process::kill_process(process, rustix::process::Signal::INT)?;
    let status = tokio::time::timeout(SOON, verify.wait()).await??;
    ensure!(status.code() == Some(130), "it ended with {status}");
    server.thaw()?;
    // The server has lost its sender and goes on.
    server.command(&["verify"]).await?.succeeded()?;
    Ok(())
}
