//! A disk that is full when a group commits. The group did not happen, and nobody may be told
//! anything that was true only inside of it: a set that met the file of another set of its group has
//! met nothing. And whoever is answered afterwards is really there: a connection that still took
//! itself to be in the failed transaction once acknowledged commits that nobody else ever saw.

use super::stand::{HALVES, Stand, begin, named};
use crate::child::{self, run_with_mounts};
use proget_core::catalog::{CatalogError, Conflict, PackageChange, Packages as _};
use proget_core::conformance::sample;
use proget_core::package::FileRef;
use proget_storage::SqlOptions;
use std::time::Duration;

const SMALL: &str = "mount -t tmpfs -o size=3m none \"$PROGET_TEST_PLACE\"";

#[test]
fn a_full_disk_undoes_a_group_and_no_answer_before_or_after_is_wrong() {
    run_with_mounts("group::full::child_commits_on_a_full_disk", crate::disk::folder().path(), SMALL);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of the test above, which starts it"]
async fn child_commits_on_a_full_disk() {
    let place = child::place();
    let long = Duration::from_secs(20);
    let options = SqlOptions { lock_wait: long, call: long, ..SqlOptions::default() };
    let stand = Stand::open_with(&place, options).await;
    let first = stand.set(0).await;
    // What is too large for the disk, and what is small but wants the same file's name.
    let mut large = stand.file(HALVES[0], "1.0.0", "one").await;
    large.detail = sample::fragment(&"x".repeat(600_000));
    let small = stand.file(HALVES[0], "1.0.0", "another").await;
    let [large, small] = [("large", large), ("small", small)]
        .map(|(name, file)| named(name).with(PackageChange::AddFile(Box::new(file))));
    let mut commits = vec![stand.commit(first), stand.commit(large), stand.commit(small)];

    stand.empty_log().await;
    fill(&place, 300_000);
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    gate.open().await;
    let mut outcomes = futures::future::join_all(commits).await;
    assert!(outcomes[1].is_err(), "there was no room for the large one");

    let wanted = FileRef { package: sample::name(HALVES[0]), file: sample::file_of(HALVES[0], "1.0.0") };
    let there = stand.catalog.file(stand.feed, &wanted).await.unwrap().map(|found| found.file.size);
    for (name, outcome) in [("large", &outcomes[1]), ("small", &outcomes[2])] {
        if let Err(CatalogError::Conflict(Conflict::FileExists)) = outcome {
            let other = u64::try_from("another".len()).unwrap();
            assert_eq!((name, there), ("large", Some(other)), "told that the file exists: {outcome:?}");
        } else if let Err(error) = outcome {
            assert!(error.is_retryable(), "{name}: {error:?}");
        }
    }

    // With room again all goes on, and a commit that is answered is one that others see.
    std::fs::remove_file(place.join("filler")).unwrap();
    for number in 2..12 {
        outcomes.push(stand.commit(stand.set(number).await).await);
    }
    let names = ["0", "large", "small"].map(str::to_owned).into_iter();
    let names = names.chain((2..12).map(|number| number.to_string()));
    let answered: Vec<String> =
        names.zip(outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(name, _)| name).collect();
    assert_eq!(stand.journal().await, answered, "answered, and what the database has");
    assert!(answered.len() >= 11, "not everything goes on: {answered:?}");
}

/// Leaves so many bytes free.
fn fill(place: &std::path::Path, free: u64) {
    let room = rustix::fs::statvfs(place).unwrap();
    let size = (room.f_bavail * room.f_frsize).saturating_sub(free);
    std::fs::write(place.join("filler"), vec![1; usize::try_from(size).unwrap()]).unwrap();
}
