//! Group commit on SQLite: sets that wait at one moment share a transaction, and nobody notices
//! but the disk. Refused ones, broken ones, callers that leave, many at once; what a kill leaves is
//! in `crash`, what a full disk does in `full`, how long anybody waits in `patience`.

mod crash;
mod full;
mod patience;
mod stand;

use futures::future::{BoxFuture, join_all};
use proget_core::catalog::{BlobChange, CatalogError, Conflict, PackageChange, Packages as _};
use proget_core::conformance::{Dice, sample};
use stand::{Outcome, Stand, begin, named};
use std::time::Duration;

/// The commits of sets `0..count`; set 0 gets the turn, the others wait for the next.
async fn publishes(stand: &Stand, count: usize) -> Vec<BoxFuture<'static, Outcome>> {
    let mut commits = Vec::new();
    for number in 0..count {
        commits.push(stand.commit(stand.set(number).await));
    }
    commits
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_that_wait_at_one_moment_cost_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    let mut commits = publishes(&stand, 41).await;
    let before = stand.commits();
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    gate.open().await;
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    assert_eq!(stand.commits() - before, 2, "the first, and forty together");
    for number in 0..41 {
        assert_eq!(stand.parts(number).await, 2, "set {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_wait_they_are_committed_in_the_order_in_which_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    // They do nothing but say so in the journal: more would make the log begin anew.
    let mut commits: Vec<_> = (0..150).map(|number| stand.commit(named(&number.to_string()))).collect();
    let before = stand.commits();
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    gate.open().await;
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    let expected: Vec<String> = (0..150).map(|number| number.to_string()).collect();
    assert_eq!(stand.journal().await, expected);
    let groups = stand.commits() - before;
    assert!((4..=6).contains(&groups), "150 sets in {groups} groups: too large, or no groups");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_leaves_no_trace_and_the_others_do_not_notice() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    let mut commits = publishes(&stand, 6).await;
    // It makes a package, a version and a tag of its own before it meets the file of set 3.
    let own = stand.file("own", "1.0.0", "own").await;
    let rival = stand.file("left", "3.0.0", "other bytes").await;
    let rival = named("rival")
        .with(PackageChange::AddFile(Box::new(own)))
        .with(PackageChange::AddFile(Box::new(rival)));
    commits.insert(4, stand.commit(rival));
    let before = stand.commits();
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    gate.open().await;
    let mut outcomes = join_all(commits).await;
    let refused = outcomes.remove(4);
    assert!(matches!(refused, Err(CatalogError::Conflict(Conflict::FileExists))), "{refused:?}");
    for (number, outcome) in outcomes.into_iter().enumerate() {
        outcome.unwrap();
        assert_eq!(stand.parts(number).await, 2, "set {number}");
    }
    assert!(stand.catalog.rows(stand.feed, &sample::name("own")).await.unwrap().is_none());
    assert!(!stand.journal().await.contains(&"rival".to_owned()));
    assert_eq!(stand.commits() - before, 2, "they were not in one group, so this has shown nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_applied_costs_the_others_another_try_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    let mut commits = publishes(&stand, 6).await;
    // No row can hold this size: a defect of the caller, not a refusal.
    let (store, fresh) = (sample::store(), sample::blob_key("too large"));
    let broken = BlobChange::Reserve { store, fresh, size: u64::MAX, hold: Duration::from_secs(60) };
    commits.insert(3, stand.commit(named("broken").with(broken)));
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    gate.open().await;
    let mut outcomes = join_all(commits).await;
    let broken = outcomes.remove(3);
    assert!(matches!(broken, Err(CatalogError::Other { .. })), "{broken:?}");
    for (number, outcome) in outcomes.into_iter().enumerate() {
        outcome.unwrap();
        assert_eq!(stand.parts(number).await, 2, "set {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_waiting_has_changed_nothing_and_who_leaves_later_ends_nobodys_commit() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    let mut commits = publishes(&stand, 6).await;
    let gate = stand.close_gate().await;
    begin(&mut commits).await;
    // Set 0 has the turn and its transaction waits at the gate; set 2 waits for a turn.
    drop(commits.remove(2));
    drop(commits.remove(0));
    gate.open().await;
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    let mut parts = Vec::new();
    for number in 0..6 {
        parts.push(stand.parts(number).await);
    }
    assert_eq!(parts, [2, 2, 0, 2, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_its_caller_leaves_a_set_happens_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    let mut dice = Dice::new();
    let mut tasks = Vec::new();
    for (number, commit) in publishes(&stand, 120).await.into_iter().enumerate() {
        let patience = dice.percent(50).then(|| Duration::from_micros(dice.roll() % 20_000));
        tasks.push(tokio::spawn(async move {
            match patience {
                None => Some(commit.await.map(|_| number)),
                Some(patience) => match tokio::time::timeout(patience, commit).await {
                    Ok(outcome) => Some(outcome.map(|_| number)),
                    Err(_) => None,
                },
            }
        }));
    }
    let mut left = 0;
    for task in join_all(tasks).await {
        match task.unwrap() {
            Some(outcome) => assert_eq!(stand.parts(outcome.unwrap()).await, 2),
            None => left += 1,
        }
    }
    // One more, behind all that may still be under way.
    stand.commit(stand.set(120).await).await.unwrap();
    for number in 0..120 {
        let parts = stand.parts(number).await;
        assert!(parts == 0 || parts == 2, "half of set {number} happened, seed {}", dice.seed());
    }
    println!("{left} of 120 left");
}
