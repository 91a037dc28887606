//! The command line beside running servers: what it changes there, what it says, how it ends.
//!
//! - `access`: keys and passwords, which must count for the very next request;
//! - `care`: verifying and sweeping;
//! - `keys`: encryption keys, made and told by their fingerprints;
//! - `starting`: everything that can be wrong at start, each with one sentence and its exit code;
//! - `stopping`: signals;
//! - `tour`: the README's five minutes, word for word.

mod access;
mod care;
mod keys;
mod starting;
mod stopping;
mod tour;

use anyhow::ensure;
use proget_tests::{Answer, Outcome, Package, ProgetProcess, Registry};

/// Demands that a command ended with this exit code.
fn ended_with(answer: &Answer, code: i32) -> Outcome {
    ensure!(
        answer.status.code() == Some(code),
        "{} should end with {code} but ended with {}:\n{}",
        answer.command,
        answer.status,
        answer.text()
    );
    Ok(())
}

/// Publishes a package in one request and returns its file's address.
async fn publish(server: &ProgetProcess, feed: &Registry, package: &Package) -> Outcome<String> {
    let request = server.http().put(format!("{}{}", feed.url, package.name()));
    let document = package.publish_document(&feed.url)?;
    let answer = request.bearer_auth(proget_tests::server::ADMIN_KEY).json(&document).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "publishing was answered {status}: {}", answer.text().await?);
    Ok(format!("{}{}/-/{}-{}.tgz", feed.url, package.name(), package.name(), package.version()))
}
