//! Starts the database servers, runs a command with their addresses in its environment, ends the
//! servers and ends as the command did.
//!
//! `./test.sh` puts this in front of the tests, so that a dozen test programs share two servers.
//! It is also handy by hand: `cargo run -p proget-tests --bin with-services -- bash`.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use proget_tests::mariadb::MARIADB_VARIABLE;
use proget_tests::postgres::POSTGRES_VARIABLE;
use proget_tests::{MariaDb, Outcome, Postgres};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else { bail!("usage: with-services COMMAND [ARGUMENT…]") };
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (postgres, mariadb) = tokio::try_join!(Postgres::start(), MariaDb::start())?;
    let mut command = Command::new(&program);
    command.args(words).env(POSTGRES_VARIABLE, postgres.url()).env(MARIADB_VARIABLE, mariadb.url());
    let mut child =
        tokio::process::Command::from(command).kill_on_drop(true).spawn().context("starting the command")?;
    // Ctrl-C reaches the command too, since it shares our terminal; both ways the servers are
    // dropped, and that ends them.
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = interrupt.recv() => return Ok(ExitCode::from(130)),
        _ = terminate.recv() => return Ok(ExitCode::from(143)),
    };
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
