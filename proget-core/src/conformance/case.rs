//! A suite as a list of named cases, and how it is run.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// One promise, tried on one fresh instance.
pub(super) struct Case<T> {
    /// The promise as a sentence with underscores.
    pub(super) name: &'static str,
    pub(super) run: fn(T) -> BoxFuture<'static, ()>,
}

/// Lists functions as cases, by their own names.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$($crate::conformance::case::Case { name: stringify!($case), run: |on| Box::pin($case(on)) }),*]
    };
}
pub(super) use cases;

/// A promise that an implementation does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub case: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case.replace('_', " "), self.found)
    }
}

/// Runs all cases, each on a fresh instance, whatever the ones before found.
pub(super) async fn run<T, F: Future<Output = T>>(
    themes: &[&[Case<T>]],
    fresh: impl Fn() -> F,
) -> Vec<Broken> {
    let mut broken = Vec::new();
    for case in themes.iter().copied().flatten() {
        let outcome = AssertUnwindSafe(async { (case.run)(fresh().await).await }).catch_unwind().await;
        if let Err(panic) = outcome {
            broken.push(Broken { case: case.name, found: words_of(&*panic) });
        }
    }
    broken
}

/// Fails with all broken promises.
pub(super) fn must_be_empty(suite: &str, broken: &[Broken]) {
    let list: String = broken.iter().map(|broken| format!("\n- {broken}")).collect();
    assert!(broken.is_empty(), "{} promises of the {suite} suite are broken:{list}", broken.len());
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// Waits until something is so, but no longer than this; lets other tasks go on meanwhile.
///
/// The suites know no timer, so a few milliseconds of a blocked thread stand in for one.
pub(super) async fn eventually(what: &str, patience: Duration, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        thread::sleep(Duration::from_millis(2));
        others_first().await;
    }
}

/// Lets other tasks of the same thread go on.
pub(super) async fn others_first() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
