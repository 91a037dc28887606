//! The suite of [`Runtime`].

use super::case::{self, Broken, Case, cases, eventually, others_first};
use crate::registry::Runtime;
use futures::FutureExt as _;
use futures::channel::oneshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const CASES: &[Case<Arc<dyn Runtime>>] = cases![
    offloaded_work_is_done_when_the_answer_comes,
    offloaded_work_goes_on_when_its_caller_has_left,
    offloaded_work_stalls_nobody_else,
    work_that_panics_is_answered_with_false,
    completed_work_goes_on_when_its_caller_has_left,
    a_sleep_lasts_as_long_as_asked,
    who_gives_way_comes_back_behind_those_who_can_go_on,
];

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries every promise of a runtime. Must itself be run on it.
///
/// # Panics
/// With the names of all broken promises.
pub async fn runtime<F: Future<Output = Arc<dyn Runtime>>>(fresh: impl Fn() -> F) {
    case::must_be_empty("runtime", &runtime_broken(fresh).await);
}

/// The promises that a runtime breaks.
pub async fn runtime_broken<F: Future<Output = Arc<dyn Runtime>>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    case::run(&[CASES], fresh).await
}

/// A flag, and a way to raise it from elsewhere.
fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (Arc::clone(&flag), flag)
}

async fn offloaded_work_is_done_when_the_answer_comes(runtime: Arc<dyn Runtime>) {
    let (raise, raised) = flag();
    assert!(runtime.offload(Box::new(move || raise.store(true, Ordering::SeqCst))).await);
    assert!(raised.load(Ordering::SeqCst), "the work must be over when its answer comes");
}

async fn offloaded_work_goes_on_when_its_caller_has_left(runtime: Arc<dyn Runtime>) {
    let (raise, raised) = flag();
    let (go, wait) = mpsc::channel::<()>();
    let mut call = runtime.offload(Box::new(move || {
        // Bounded, so that a runtime that runs this in place fails instead of hanging.
        let _ = wait.recv_timeout(PATIENCE / 10);
        raise.store(true, Ordering::SeqCst);
    }));
    assert!((&mut call).now_or_never().is_none(), "blocking work runs elsewhere");
    drop(call);
    drop(go);
    eventually("work whose caller has left", PATIENCE, || raised.load(Ordering::SeqCst)).await;
}

async fn offloaded_work_stalls_nobody_else(runtime: Arc<dyn Runtime>) {
    let (go, wait) = mpsc::channel::<()>();
    let blocked = runtime.offload(Box::new(move || {
        let _ = wait.recv_timeout(PATIENCE / 10);
    }));
    let other = async {
        // This task has its turns while the other work blocks, and ends it.
        for _ in 0..100 {
            others_first().await;
        }
        go.send(())
    };
    let (done, sent) = futures::join!(blocked, other);
    assert!(done && sent.is_ok(), "the work was still blocked while another task went on");
}

async fn work_that_panics_is_answered_with_false(runtime: Arc<dyn Runtime>) {
    let done = runtime.offload(Box::new(|| panic!("this panic belongs to the suite"))).await;
    assert!(!done, "a panic is no success");
    assert!(runtime.offload(Box::new(|| {})).await, "and the runtime goes on");
}

async fn completed_work_goes_on_when_its_caller_has_left(runtime: Arc<dyn Runtime>) {
    let (raise, raised) = flag();
    let (go, wait) = oneshot::channel::<()>();
    let mut call = runtime.complete(Box::pin(async move {
        // The sender is dropped without a word; that is the signal.
        let _ = wait.await;
        raise.store(true, Ordering::SeqCst);
    }));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    drop(go);
    eventually("work that must not be broken off", PATIENCE, || raised.load(Ordering::SeqCst)).await;
}

async fn a_sleep_lasts_as_long_as_asked(runtime: Arc<dyn Runtime>) {
    for asked in [Duration::ZERO, Duration::from_millis(30), Duration::from_millis(120)] {
        let begun = Instant::now();
        runtime.sleep(asked).await;
        assert!(begun.elapsed() >= asked, "a sleep of {asked:?} was over after {:?}", begun.elapsed());
    }
}

async fn who_gives_way_comes_back_behind_those_who_can_go_on(runtime: Arc<dyn Runtime>) {
    let (raise, raised) = flag();
    let mut giving_way = runtime.yield_now();
    assert!((&mut giving_way).now_or_never().is_none(), "nobody else had a turn");
    let other = async { raise.store(true, Ordering::SeqCst) };
    futures::join!(runtime.yield_now(), other);
    assert!(raised.load(Ordering::SeqCst));
    giving_way.await;
}
