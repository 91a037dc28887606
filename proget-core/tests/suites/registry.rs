//! Those who take part in the use-cases: policies, observers, runtimes.

use async_trait::async_trait;
use futures::future::BoxFuture;
use proget_core::conformance;
use proget_core::memory::{MemoryObserver, MemoryPolicy};
use proget_core::package::Manifest;
use proget_core::registry::{Candidate, Inline, Observer, PublishPolicy, Published, Runtime, Work};
use proget_core::{Feed, Refusal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[tokio::test]
async fn the_memory_policy_keeps_every_promise() {
    conformance::policy(|| async {
        Arc::new(MemoryPolicy::refusing([conformance::sample::name("left-pad")])) as Arc<dyn PublishPolicy>
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_counts_how_often_it_is_asked_is_caught() {
    #[derive(Debug, Default)]
    struct OnlyOnce(AtomicU64);

    #[async_trait]
    impl PublishPolicy for OnlyOnce {
        async fn judge(&self, _: Candidate<'_>) -> Result<(), Refusal> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0..6 => Ok(()),
                _ => Err(Refusal::new("package", "was offered before")),
            }
        }
    }

    let fresh = || async { Arc::new(OnlyOnce::default()) as Arc<dyn PublishPolicy> };
    let broken = conformance::policy_broken(fresh).await;
    let cases: Vec<&str> = broken.iter().map(|broken| broken.case).collect();
    assert!(cases.contains(&"the_same_candidate_is_judged_the_same_each_time"), "{cases:?}");
}

#[tokio::test]
async fn the_memory_observer_keeps_every_promise_and_remembers_all_of_it() {
    let observers = std::sync::Mutex::new(Vec::new());
    conformance::observer(|| async {
        let observer = Arc::new(MemoryObserver::new());
        observers.lock().expect("nobody panics in here").push(Arc::clone(&observer));
        observer as Arc<dyn Observer>
    })
    .await;
    let told: Vec<usize> = observers
        .lock()
        .expect("nobody panics in here")
        .iter()
        .map(|observer| observer.told().len())
        .collect();
    assert_eq!(told, [600, 48]);
}

#[tokio::test]
async fn an_observer_that_makes_others_wait_is_caught() {
    #[derive(Debug)]
    struct Slow;

    impl Observer for Slow {
        fn published(&self, _: &Feed, _: &Manifest, _: Published) {
            std::thread::sleep(Duration::from_millis(6));
        }
    }

    let broken = conformance::observer_broken(|| async { Arc::new(Slow) as Arc<dyn Observer> }).await;
    assert!(broken.iter().any(|broken| broken.case == "an_observer_returns_at_once"), "{broken:?}");
}

#[tokio::test]
async fn a_runtime_that_does_everything_in_place_is_caught() {
    // `Inline` is for tests on memory parts and says that it keeps less. Its sleeper never wakes, so
    // that one is cut short here.
    #[derive(Debug)]
    struct InPlace(Inline);

    #[async_trait]
    impl Runtime for InPlace {
        async fn offload(&self, work: Work) -> bool {
            self.0.offload(work).await
        }

        async fn complete(&self, work: BoxFuture<'static, ()>) {
            let _ = tokio::spawn(work).await;
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    let broken = conformance::runtime_broken(|| async { Arc::new(InPlace(Inline)) as Arc<dyn Runtime> });
    let cases: Vec<&str> = broken.await.iter().map(|broken| broken.case).collect();
    for case in [
        "offloaded_work_stalls_nobody_else",
        "work_that_panics_is_answered_with_false",
        "a_sleep_lasts_as_long_as_asked",
    ] {
        assert!(cases.contains(&case), "{case}: {cases:?}");
    }
}
