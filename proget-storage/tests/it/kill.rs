//! What a killed process leaves is found, and only then.

use crate::child;
use crate::disk::{files, folder, pattern, spooled};
use proget_core::blob::{Leftovers, Staging as _};
use proget_core::digest::DigestSet;
use proget_storage::{LocalStore, Scratch};
use std::io::{BufRead as _, BufReader};

const UNFINISHED: usize = 3 << 20;
const FINISHED: usize = 5000;

#[tokio::test]
async fn leftovers_are_swept_when_their_owner_has_been_killed_and_not_before() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let mut owner = child::command("kill::child_uploads_and_waits", root.path()).spawn().unwrap();
    let mut said = BufReader::new(owner.stdout.take().unwrap()).lines();
    while !said.next().unwrap().unwrap().contains("waiting") {}
    let before = files(root.path());
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(scratch.sweep().await.unwrap(), Leftovers::default(), "the owner lives");
    assert_eq!(files(root.path()), before);

    owner.kill().unwrap();
    owner.wait().unwrap();
    assert_eq!(files(root.path()), before, "a killed process removes nothing");
    let swept = scratch.sweep().await.unwrap();
    assert_eq!(swept, Leftovers { removed: 2, bytes: (UNFINISHED + FINISHED) as u64 });
    assert!(files(root.path()).is_empty());
    let folders = |name: &str| std::fs::read_dir(root.path().join(name)).unwrap().count();
    assert_eq!((folders("scratch"), folders("blobs/arriving")), (1, 0), "only our own folder is left");
    assert_eq!(scratch.sweep().await.unwrap(), Leftovers::default());
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_uploads_and_waits() {
    let root = child::place();
    let _store = LocalStore::open(&root).await.unwrap();
    let scratch = Scratch::open(&root).await.unwrap();
    let _finished = spooled(&scratch, &pattern(FINISHED)).await.unwrap();
    let mut unfinished = scratch.begin(DigestSet::default()).await.unwrap();
    unfinished.write(pattern(UNFINISHED)).await.unwrap();
    // The last buffer may still be on its way to the disk: wait for the level.
    let length = || files(&root).iter().map(|file| std::fs::metadata(file).unwrap().len()).sum::<u64>();
    crate::disk::wait_for("the bytes on the disk", || length() == (UNFINISHED + FINISHED) as u64);
    println!("waiting");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    panic!("nobody killed this process");
}
