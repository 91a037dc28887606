//! A store that hangs, as a network share does whose server is gone. The files of these uploads
//! never open, so each put keeps a thread for blocking work until the gate opens.

use crate::disk::{all, folder, in_memory, pattern, spooled};
use futures::{FutureExt as _, StreamExt as _, poll};
use proget_core::artifact::{Artifact, ArtifactSource, ReadSeek};
use proget_core::blob::{BlobKey, BlobStore as _, Put, StoreErrorKind};
use proget_core::digest::{DigestSet, Digests};
use proget_storage::{LocalStore, Scratch};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Operations that one store has under way at most.
const WIDTH: usize = 64;
/// All threads for blocking work in this test; the program has 512.
const THREADS: usize = 100;

/// How many came to the gate, and whether it is open.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn arrived(&self) -> usize {
        self.state.lock().unwrap().0
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

#[derive(Debug)]
struct Hanging(Arc<Gate>);

impl ArtifactSource for Hanging {
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        let mut state = self.0.state.lock().unwrap();
        state.0 += 1;
        while !state.1 {
            state = self.0.changed.wait(state).unwrap();
        }
        Err(io::Error::from(io::ErrorKind::TimedOut))
    }
}

#[test]
fn a_hung_store_refuses_in_time_while_all_else_goes_on_and_recovers() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(THREADS).enable_all().build().unwrap();
    let gate = Arc::new(Gate::default());
    // Opened also if an assertion fails, or the runtime would wait for its threads for ever.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(hang(&gate))));
    gate.open();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

async fn hang(gate: &Arc<Gate>) {
    let (root, elsewhere) = (folder(), folder());
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let other = LocalStore::open(elsewhere.path()).await.unwrap();

    let uploads: Vec<_> = (0..THREADS + WIDTH)
        .map(|n| {
            let digests = Digests::of(&n.to_le_bytes(), DigestSet::default());
            let key = BlobKey::fresh(digests.sha256);
            (key, Artifact::new(digests, 8, Arc::new(Hanging(gate.clone()))))
        })
        .collect();
    let mut puts: Vec<_> = uploads.iter().map(|(key, artifact)| store.put(key, artifact)).collect();
    for put in &mut puts {
        assert!(poll!(put).is_pending());
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while gate.arrived() < WIDTH {
        assert!(Instant::now() < deadline, "only {} puts have begun", gate.arrived());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    // Those who began go away; their threads hang on.
    let waiting = puts.split_off(WIDTH);
    drop(puts);
    let began = Instant::now();
    let elsewise = tokio::task::spawn_blocking(|| "a password was checked");
    tokio::time::timeout(Duration::from_secs(8), elsewise).await.expect("a thread is left").unwrap();
    let (key, artifact) = spooled(&scratch, &pattern(700_000)).await.unwrap();
    assert_eq!(other.put(&key, &artifact).await.unwrap(), Put::Stored);
    assert_eq!(all(other.get(&key, None).await.unwrap()).await.unwrap(), pattern(700_000));

    let refusals = futures::join!(
        store.head(&key).map(Result::unwrap_err),
        store.get(&key, None).map(Result::unwrap_err),
        store.delete(&key).map(Result::unwrap_err),
        store.note().map(Result::unwrap_err),
        store.set_note("note".into()).map(Result::unwrap_err),
        store.list().into_future().map(|(first, _)| first.unwrap().unwrap_err()),
        store.put(&key, &artifact).map(Result::unwrap_err),
    );
    let refusals = [refusals.0, refusals.1, refusals.2, refusals.3, refusals.4, refusals.5, refusals.6];
    for refused in refusals {
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "{refused}");
    }
    for put in futures::future::join_all(waiting).await {
        assert_eq!(put.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "refused only after {:?}", began.elapsed());
    assert_eq!(gate.arrived(), WIDTH, "whoever was refused has done nothing");

    gate.open();
    assert_eq!(store.head(&key).await.unwrap(), None);
    let (small, bytes) = in_memory(&pattern(1000));
    for (key, artifact) in [(key, artifact), (small, bytes)] {
        assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
        assert_eq!(store.head(&key).await.unwrap(), Some(artifact.size()));
    }
}
