//! Shared reads: everybody sees what was acknowledged before they asked, and few reads are made.

use crate::stand::{Impatient, Stand};
use futures::FutureExt as _;
use proget_core::access::Principal;
use proget_core::catalog::{Catalog, CatalogError, ChangeSet, FeedChange, StampOf, Stamps as _};
use proget_core::clock::{Clock, ManualClock, SystemClock};
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::memory::MemoryCatalog;
use proget_core::memory::faulty::{FaultyCatalog, Tampering};
use proget_core::registry::FreshCatalog;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn create(name: &str) -> ChangeSet {
    let (format, settings) = (FormatId::new("plain").unwrap(), FeedSettings::default());
    let create = FeedChange::Create { name: FeedName::new(name).unwrap(), format, settings };
    ChangeSet::by(Principal::system().actor()).with(create)
}

fn shared() -> (Arc<FaultyCatalog>, Arc<FreshCatalog>) {
    let catalog = Arc::new(FaultyCatalog::new(Arc::new(MemoryCatalog::default())));
    (catalog.clone(), FreshCatalog::new(catalog, Arc::new(Impatient)))
}

#[tokio::test]
async fn all_who_wait_at_one_moment_share_one_read() {
    let (catalog, fresh) = shared();
    let held = catalog.hold_stamp_reads().await;
    let ask = |number: i32| {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.stamp(StampOf::Feed(format!("feed-{}", number % 7))).await })
    };
    // The first begins to read; the others arrive while it is under way.
    let first = ask(0);
    while catalog.stamp_reads() < 1 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..50).map(ask).collect();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(catalog.stamp_reads(), 1, "a second read began beside the one under way");
    drop(held);
    for asked in others.into_iter().chain([first]) {
        assert_eq!(asked.await.unwrap().unwrap(), None);
    }
    assert_eq!(catalog.stamp_reads(), 2, "fifty requests that waited together made more than one read");
}

#[tokio::test]
async fn who_arrives_during_a_read_does_not_get_its_older_answer() {
    let (catalog, fresh) = shared();
    let held = catalog.hold_stamp_reads().await;
    let early = {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.stamp(StampOf::Feed("new".into())).await })
    };
    while catalog.stamp_reads() < 1 {
        tokio::task::yield_now().await;
    }
    // Another node creates the feed and is told so, while the read is under way with its older snapshot.
    catalog.commit(create("new")).await.unwrap();
    let late = {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.feed(&FeedName::new("new").unwrap()).await })
    };
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(early.await.unwrap().unwrap(), None);
    assert!(
        late.await.unwrap().unwrap().is_some(),
        "a request was answered from a read that began before it"
    );
}

#[tokio::test]
async fn a_reader_that_is_cancelled_hands_on_its_duty() {
    let (catalog, fresh) = shared();
    let held = catalog.hold_stamp_reads().await;
    let reader = {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.stamp(StampOf::Feed("a".into())).await })
    };
    while catalog.stamp_reads() < 1 {
        tokio::task::yield_now().await;
    }
    let waiter = {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.stamp(StampOf::Feed("b".into())).await })
    };
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    reader.abort();
    drop(held);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(10), waiter).await;
    assert_eq!(answer.expect("somebody else reads").unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_reader_that_is_cancelled_before_its_turn_leaves_nobody_waiting() {
    let (catalog, fresh) = shared();
    let held = catalog.hold_stamp_reads().await;
    let ask = |name: &str| {
        let (fresh, of) = (fresh.clone(), StampOf::Feed(name.into()));
        tokio::spawn(async move { fresh.stamp(of).await })
    };
    let first = ask("a");
    while catalog.stamp_reads() < 1 {
        tokio::task::yield_now().await;
    }
    // Who comes now opens the next round, and who comes then joins it.
    let opener = ask("b");
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let joiner = ask("c");
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    opener.abort();
    drop(held);
    for asked in [first, joiner] {
        let answer = tokio::time::timeout(std::time::Duration::from_secs(10), asked).await;
        assert_eq!(answer.expect("somebody else reads").unwrap().unwrap(), None);
    }
}

#[tokio::test]
async fn an_unreachable_catalogue_is_told_to_all_who_share_the_read() {
    let (catalog, fresh) = shared();
    catalog.go_away();
    for asked in futures::future::join_all((0..5).map(|_| fresh.stamp(StampOf::Feed("a".into())))).await {
        assert!(asked.unwrap_err().is_retryable());
    }
    catalog.come_back();
    assert_eq!(fresh.stamp(StampOf::Feed("a".into())).await.unwrap(), None);
}

#[tokio::test]
async fn a_process_alone_with_its_database_asks_once_and_sees_each_of_its_own_commits() {
    let memory = MemoryCatalog::exclusive(Arc::new(SystemClock));
    let catalog = Arc::new(FaultyCatalog::new(Arc::new(memory)));
    let fresh = FreshCatalog::new(catalog.clone(), Arc::new(Impatient));
    let name = FeedName::new("new").unwrap();
    for _ in 0..10 {
        assert!(fresh.feed(&name).await.unwrap().is_none());
    }
    assert_eq!(catalog.stamp_reads(), 1);
    fresh.commit(create("new")).await.unwrap();
    for _ in 0..10 {
        assert!(fresh.feed(&name).await.unwrap().is_some());
    }
    assert_eq!(catalog.stamp_reads(), 2);
    // A lost answer may hide a commit that happened: what is remembered must not outlive it.
    catalog.lose_next_answer();
    assert!(fresh.commit(create("lost")).await.is_err());
    assert!(fresh.feed(&FeedName::new("lost").unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_commit_that_happens_after_its_outcome_was_unknown_is_seen_all_the_same() {
    // A disk that stands still: COMMIT is under way, its caller has been told that nobody knows, and
    // then it happens.
    let memory: Arc<dyn Catalog> = Arc::new(MemoryCatalog::exclusive(Arc::new(SystemClock)));
    let late: Arc<Mutex<Option<ChangeSet>>> = Arc::default();
    let (keep, stalls) = (late.clone(), Arc::new(AtomicBool::new(true)));
    let stalled = stalls.clone();
    let tampering: Tampering = Box::new(move |inner, changes| {
        if !stalls.load(Ordering::SeqCst) {
            return Box::pin(async move { inner.commit(changes).await });
        }
        *keep.lock().unwrap() = Some(changes);
        Box::pin(async { Err(CatalogError::OutcomeUnknown { doing: "stalling", source: None }) })
    });
    let catalog = Arc::new(FaultyCatalog::tampered(memory.clone(), tampering));
    let fresh = FreshCatalog::new(catalog.clone(), Arc::new(Impatient));
    let name = FeedName::new("late").unwrap();
    assert!(fresh.commit(create("late")).await.unwrap_err().is_retryable());
    assert!(fresh.feed(&name).await.unwrap().is_none());
    let changes = late.lock().unwrap().take().unwrap();
    memory.commit(changes).await.unwrap();
    assert!(fresh.feed(&name).await.unwrap().is_some(), "what was remembered outlived the late commit");
    // The next commit that ends well ends the doubt: it could only begin when the other was over.
    stalled.store(false, Ordering::SeqCst);
    fresh.commit(create("next")).await.unwrap();
    let reads = catalog.stamp_reads();
    for _ in 0..10 {
        assert!(fresh.feed(&name).await.unwrap().is_some());
    }
    assert_eq!(catalog.stamp_reads(), reads + 1);
}

#[tokio::test]
async fn a_read_that_began_before_a_commit_is_not_remembered_after_it() {
    let catalog = Arc::new(FaultyCatalog::new(Arc::new(MemoryCatalog::exclusive(Arc::new(SystemClock)))));
    let fresh = FreshCatalog::new(catalog.clone(), Arc::new(Impatient));
    let held = catalog.hold_stamp_reads().await;
    let early = {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.stamp(StampOf::Feed("new".into())).await })
    };
    while catalog.stamp_reads() < 1 {
        tokio::task::yield_now().await;
    }
    fresh.commit(create("new")).await.unwrap();
    drop(held);
    assert_eq!(early.await.unwrap().unwrap(), None);
    assert!(
        fresh.stamp(StampOf::Feed("new".into())).await.unwrap().is_some(),
        "the older answer was remembered"
    );
}

/// The negative control of P3: with the check switched off, the same exchange is caught.
#[tokio::test]
async fn a_node_that_would_trust_its_memory_is_caught() {
    // Two nodes over one database that each believe to be alone with it: the very thing the lock forbids.
    let clock = Arc::new(ManualClock::default());
    let memory = Arc::new(MemoryCatalog::exclusive(clock.clone() as Arc<dyn Clock>));
    let a = Stand::over(clock.clone(), memory.clone(), Arc::default()).await;
    let b = Stand::over(clock, memory.clone(), a.disk.clone()).await;
    a.publish("apple 1").await.unwrap();
    assert!(b.download("apple", 1).await.is_ok());
    a.remove("apple", 1).await.unwrap();
    assert!(b.download("apple", 1).await.is_ok(), "the control does not catch what it is there to catch");
    assert!(memory.stamps(&[]).now_or_never().is_some());
}
