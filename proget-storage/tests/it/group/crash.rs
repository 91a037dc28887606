//! A process killed in the middle of its groups: whoever was answered is there, and nobody by half.

use super::stand::Stand;
use crate::child;
use std::io::{BufRead as _, BufReader, Write as _};

/// Sets of the child, more than it can commit before it is killed.
const SETS: usize = 100_000;
const AT_ONCE: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn who_was_answered_before_a_kill_is_there_and_nobody_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    // Each round kills at another place, and opens what the one before has left.
    for round in 0..4 {
        let mut owner = child::command("group::crash::child_commits_until_killed", folder.path())
            .env("PROGET_TEST_FIRST", (round * SETS).to_string())
            .spawn()
            .unwrap();
        let said = BufReader::new(owner.stdout.take().unwrap()).lines();
        let mut begun = 0;
        for line in said.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("done ") {
                answered.push(number.parse::<usize>().unwrap());
                begun += 1;
            }
            // What it has said by then and we have not yet read counts as well.
            if begun == 40 + 17 * round {
                owner.kill().unwrap();
            }
        }
        owner.wait().unwrap();
        assert!(begun >= 40 + 17 * round, "the child ended by itself");
    }
    let stand = Stand::open(folder.path()).await;
    for number in &answered {
        assert_eq!(stand.parts(*number).await, 2, "set {number} was answered and is lost");
    }
    let journal = stand.journal().await;
    assert!(journal.len() >= answered.len());
    for number in journal {
        assert_eq!(stand.parts(number.parse().unwrap()).await, 2, "half of set {number} is there");
    }
    for round in 0..4 {
        // Those that were under way when it was killed, and some that never began.
        for number in (round * SETS..).take(400) {
            assert_ne!(stand.parts(number).await, 1, "half of set {number} is there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of the test above, which starts it"]
async fn child_commits_until_killed() {
    let first: usize = std::env::var("PROGET_TEST_FIRST").unwrap().parse().unwrap();
    let stand = std::sync::Arc::new(Stand::open(&child::place()).await);
    let writers = (0..AT_ONCE).map(|writer| {
        let stand = stand.clone();
        tokio::spawn(async move {
            for number in (first + writer..first + SETS).step_by(AT_ONCE) {
                let set = stand.set(number).await;
                stand.commit(set).await.unwrap();
                // One write, so that a kill cannot leave half a line that reads as another number.
                std::io::stdout().write_all(format!("done {number}\n").as_bytes()).unwrap();
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    panic!("nobody killed this process");
}
