//! The order that makes an acknowledgement true:
//!
//! 1. the uploaded file is flushed, and nothing is written to it afterwards;
//! 2. then it gets its name among the blobs;
//! 3. then the folder with that name is flushed; the folders above, at any time before 4;
//! 4. then the database writes the publication to its log and flushes that;
//! 5. only then the answer is sent.
//!
//! "Then" means: the later call began after the earlier one had ended. Two calls that overlap
//! are in no order.

use anyhow::{Context as _, ensure};
use proget_tests::Outcome;

use super::trace::{Call, folders_above};

/// Demands that a trace of one publish keeps that order.
pub(super) fn kept(calls: &[Call]) -> Outcome {
    let answer = last(calls, Call::is_success).context("no success was answered")?;
    let name =
        last(&calls[..answer], Call::is_name_giving).context("no blob got a name before the answer")?;
    let place = calls[name].target().context("a name was given to nothing")?;
    let [root, outer, inner] = folders_above(&place).context("a name was given outside of the blobs")?;

    let flushed = last(&calls[..name], |call| call.is_sync() && call.is_in("/scratch/"));
    let flushed = flushed.context("the uploaded file was not flushed before it got its name")?;
    then(calls, flushed, name).context("the name was given before the file was flushed")?;
    let file_write = last(calls, |call| call.is_write() && call.is_in("/scratch/"));
    let file_write = file_write.context("nothing was written to an uploaded file")?;
    then(calls, file_write, flushed).context("the file was written to after its flush")?;

    let flush_of = |folder: &str, from: usize| {
        (from..answer)
            .find(|at| calls[*at].is_sync() && calls[*at].ends_in(folder) && calls[*at].began_after > from)
    };
    let named = flush_of(&inner, name).context("the folder was not flushed after the name was given")?;
    let wrote = last(&calls[..answer], |call| call.is_write() && call.ends_in(".db-wal"));
    let wrote = wrote.context("the database wrote nothing")?;
    for above in [&outer, &root] {
        let flushed = last(&calls[..wrote], |call| call.is_sync() && call.ends_in(above));
        flushed.with_context(|| format!("{above} was not flushed before the rows were written"))?;
    }
    then(calls, named, wrote).context("the rows were written before the folder was flushed")?;
    let committed = (wrote..answer)
        .find(|at| calls[*at].is_sync() && calls[*at].ends_in(".db-wal") && calls[*at].began_after > wrote);
    let committed = committed.context("the database's log was not flushed after the rows were written")?;
    then(calls, committed, answer).context("the answer was sent before the database had flushed")
}

fn last(calls: &[Call], what: impl Fn(&Call) -> bool) -> Option<usize> {
    calls.iter().rposition(what)
}

/// Demands that the later call began after the earlier one had ended.
fn then(calls: &[Call], earlier: usize, later: usize) -> Outcome {
    // A call that was moved by a test stands where it stands, whatever it says of its beginning.
    let began_after = calls[later].began_after.min(later);
    ensure!(
        earlier < later && earlier < began_after,
        "call {earlier} and call {later} are not in this order"
    );
    Ok(())
}
