//! What a SIGKILL cannot show: that a publish is answered only after its bytes and its rows have
//! been forced to the disk, in the right order. The kernel keeps what a killed process wrote; only
//! a power cut would tell. So the real program runs under `strace`, and its own system calls tell.
//!
//! The order is judged by [`promise`]; what a trace is made of lives in `trace.rs`. The checker
//! itself is held against the same trace with calls taken out or moved: it must object to each.

mod promise;
mod trace;

use anyhow::{Context as _, ensure};
use proget_core::conformance::Dice;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, Package, ServerSetup, eventually};

use promise::kept;
use trace::{Call, read};

/// The calls that write, force to the disk, give a name, or answer.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,sync_file_range,\
                     link,linkat,rename,renameat,renameat2";

#[tokio::test]
async fn a_publish_is_answered_after_its_bytes_and_its_rows_are_on_the_disk() -> Outcome {
    let calls = trace_of_a_publish().await?;
    kept(&calls)?;

    // The checker must object to every trace in which the promise is not kept.
    let without = |what: &dyn Fn(&Call) -> bool| {
        let left: Vec<Call> = calls.iter().filter(|call| !what(call)).cloned().collect();
        (left.len() < calls.len()).then_some(left).context("there was nothing to take out")
    };
    let objects = |calls: Vec<Call>, why: &str| {
        let error = kept(&calls).err().with_context(|| format!("the checker accepts a trace {why}"))?;
        println!("a trace {why}: {error:#}");
        Ok::<_, anyhow::Error>(())
    };
    objects(without(&|call| call.is_sync() && call.is_in("/scratch/"))?, "without the flush of the file")?;
    objects(without(&|call| call.is_name_giving())?, "in which the file gets no name")?;
    objects(without(&|call| call.is_sync() && call.is_blob_folder())?, "without the flush of the folder")?;
    objects(
        without(&|call| call.is_sync() && call.ends_in("/blobs"))?,
        "without the flush of the outer folder",
    )?;
    objects(without(&|call| call.is_sync() && call.ends_in(".db-wal"))?, "without the database's flush")?;
    objects(without(&Call::is_success)?, "without an answer")?;
    let first_name = calls.iter().position(Call::is_name_giving).context("no name was given")?;
    objects(moved(&calls, Call::is_success, first_name + 1)?, "in which the answer comes early")?;
    objects(moved(&calls, Call::is_name_giving, 0)?, "in which the name comes before the flush")?;
    let last_write = calls.iter().rposition(|call| call.is_write() && call.ends_in(".db-wal"));
    let mut late = calls.clone();
    let write = late.remove(last_write.context("the database wrote nothing")?);
    let answer = late.iter().rposition(Call::is_success).context("no answer")?;
    late.insert(answer, write);
    objects(late, "in which the database writes after its flush")
}

/// The last call of a kind, taken out and put at another place.
fn moved(calls: &[Call], what: fn(&Call) -> bool, to: usize) -> Outcome<Vec<Call>> {
    let mut calls = calls.to_vec();
    let call = calls.remove(calls.iter().rposition(what).context("no such call")?);
    calls.insert(to.min(calls.len()), call);
    Ok(calls)
}

/// One publish to a server on SQLite and a directory, as its system calls.
async fn trace_of_a_publish() -> Outcome<Vec<Call>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trace");
    let path = file.to_str().context("a temporary path that is no text")?;
    // -D: the program keeps its id and its parent; strace is the grandchild.
    let strace =
        ["strace", "-D", "-f", "-qq", "-y", "-s", "16", "-e", "signal=none", "-e", CALLS, "-o", path];
    let server = ServerSetup::new().through(&strace).start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    let before = std::fs::read_to_string(&file)?.lines().count();
    let mut dice = Dice::new();
    let bytes: Vec<u8> = (0..300_000).map(|_| dice.roll() as u8).collect();
    let package = Package::new("widget", "1.0.0").file("bytes", bytes);
    let document = package.publish_document(&feed.url)?;
    let put = server.http().put(format!("{}widget", feed.url)).bearer_auth(ADMIN_KEY).json(&document);
    let answer = put.send().await?;
    ensure!(answer.status() == 201, "the publish was answered {}", answer.status());
    // strace may still be writing the line of the call that we have just seen the effect of.
    eventually("the answer is in the trace", proget_tests::SOON, || async {
        let text = std::fs::read_to_string(&file)?;
        let calls = read(text.lines().skip(before));
        ensure!(calls.iter().any(Call::is_success), "it is not there yet");
        Ok(calls)
    })
    .await
}
