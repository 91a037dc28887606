//! The README's five minutes, carried out as they are written. Changed are only the port, the
//! folder under `/tmp`, and who kills the server: the test, since other servers run beside it.

use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, SOON, ServerSetup, eventually};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The blocks of shell lines under the heading.
fn tour() -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))?;
    let section = text.split("\n## ").find(|section| section.starts_with("Five minutes"));
    let section = section.context("the README has no tour")?;
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    Ok(blocks.map(str::to_owned).collect())
}

#[tokio::test]
async fn the_tour_of_the_readme_works_word_for_word() -> Outcome {
    let blocks = tour()?;
    ensure!(blocks.len() == 3, "the tour has {} blocks; this test knows three", blocks.len());
    let mut server = ServerSetup::new().start().await?;
    // Its surroundings, as a newcomer has them after building.
    let home = tempfile::tempdir()?;
    let (release, data) = (home.path().join("target/release"), home.path().join("proget-data"));
    std::fs::create_dir_all(&release)?;
    symlink(server.command_line(&[]).as_std().get_program(), release.join("proget"))?;
    symlink(server.data(), &data)?;

    let kill = blocks[2].lines().find(|line| line.starts_with("kill -9 "));
    let kill = kill.context("the tour does not kill the server")?;
    let (killed, resumed) = (home.path().join("killed"), home.path().join("resumed"));
    let wait = format!("touch {}; until [ -e {} ]; do sleep 0.1; done", killed.display(), resumed.display());
    let script = blocks
        .concat()
        .replace(kill, &wait)
        .replace("http://127.0.0.1:8624", &server.url())
        .replace("//127.0.0.1:8624", server.url().trim_start_matches("http:"))
        .replace("/tmp/tour", &home.path().join("tour").display().to_string());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).current_dir(home.path()).env_clear();
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let walk = tokio::spawn(shell.spawn()?.wait_with_output());

    let asked = eventually("the tour kills the server, or ends", SOON * 4, || async {
        ensure!(killed.exists() || walk.is_finished());
        Ok(())
    });
    asked.await?;
    if killed.exists() {
        server.kill().await?;
        server.resume().await?;
        std::fs::write(resumed, "")?;
    }
    let output = tokio::time::timeout(Duration::from_secs(120), walk).await???;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success(), "the tour ended with {}:\n{said}", output.status);
    ensure!(home.path().join("tour/app/node_modules/hello/package.json").is_file(), "not installed:\n{said}");
    ensure!(said.contains("1 file read") && said.contains("as they were published"), "not verified:\n{said}");
    Ok(())
}
