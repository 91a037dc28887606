//! Many putting the same key at once: all succeed, exactly one stores.

use crate::child;
use crate::disk::{all, files, folder, in_memory, pattern, spooled, wait_for};
use proget_core::blob::{BlobKey, BlobStore, Put};
use proget_storage::{LocalStore, Scratch};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

const AT_ONCE: usize = 16;
const ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_tasks_put_one_key_and_exactly_one_of_them_stores() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    for round in 0..ROUNDS {
        let bytes = pattern(10_000 + round);
        // Half of them in stores of their own, which know nothing of each other's folders.
        let shared = LocalStore::open(root.path()).await.unwrap();
        let key = in_memory(&bytes).0;
        let mut tasks = Vec::new();
        for n in 0..AT_ONCE {
            let store =
                if n % 2 == 0 { shared.clone() } else { LocalStore::open(root.path()).await.unwrap() };
            let artifact = match n % 4 {
                0 => in_memory(&bytes).1,
                _ => spooled(&scratch, &bytes).await.unwrap().1,
            };
            tasks.push(tokio::spawn(async move { store.put(&key, &artifact).await.unwrap() }));
        }
        let puts: Vec<Put> = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(puts.iter().filter(|put| **put == Put::Stored).count(), 1, "round {round}: {puts:?}");
        assert_eq!(all(shared.get(&key, None).await.unwrap()).await.unwrap(), bytes);
    }
    wait_for("the losers' files to go", || files(root.path()).len() == ROUNDS);
}

/// The keys of the rounds: the same in every process.
fn key_of(round: usize) -> BlobKey {
    let digest = in_memory(&pattern(50_000 + round)).0.digest;
    format!("{digest}-{round:032x}").parse().unwrap()
}

#[test]
fn eight_processes_put_the_same_keys_and_each_is_stored_exactly_once() {
    let root = folder();
    let mut children: Vec<_> = (0..AT_ONCE / 2)
        .map(|_| child::command("race::child_puts_each_key_when_told", root.path()).spawn().unwrap())
        .collect();
    let mut answers: Vec<_> =
        children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap()).lines()).collect();
    let mut next = |n: usize, what: &str| loop {
        let line = answers[n].next().unwrap().unwrap();
        if let Some((_, rest)) = line.split_once(what) {
            return rest.to_owned();
        }
    };
    (0..children.len()).for_each(|n| drop(next(n, "ready")));
    for round in 0..ROUNDS {
        for child in &mut children {
            writeln!(child.stdin.as_mut().unwrap(), "go").unwrap();
        }
        let stored = (0..children.len()).filter(|n| next(*n, "put: ") == "Stored").count();
        assert_eq!(stored, 1, "round {round}");
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(files(root.path()).len(), ROUNDS);
    for round in 0..ROUNDS {
        let text = key_of(round).to_string();
        let found = root.path().join("blobs").join(&text[..2]).join(&text[2..4]).join(&text);
        assert_eq!(std::fs::read(found).unwrap(), pattern(50_000 + round));
    }
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_puts_each_key_when_told() {
    put_when_told(&child::place()).await;
}

async fn put_when_told(root: &Path) {
    let store = LocalStore::open(root).await.unwrap();
    let scratch = Scratch::open(root).await.unwrap();
    println!("ready");
    for round in 0..ROUNDS {
        let (_, artifact) = spooled(&scratch, &pattern(50_000 + round)).await.unwrap();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        println!("put: {:?}", store.put(&key_of(round), &artifact).await.unwrap());
    }
}
