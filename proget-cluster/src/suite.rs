//! How this crate's suites run: promises as small named cases, and a clock that is turned by hand.
//!
//! All cases run, each on a fresh register; the broken ones are given by name, so that a deliberate
//! liar can be shown to be caught.

#![allow(clippy::panic)] // a suite is a test, wherever it is compiled

use crate::election::{SteadyClock, Tick};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A promise that an implementation does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub case: &'static str,
    /// What was found.
    pub found: String,
}

/// One promise, tried on one fresh register.
pub(crate) struct Case<R> {
    /// The promise as a sentence with underscores.
    pub(crate) name: &'static str,
    pub(crate) run: fn(R) -> BoxFuture<'static, ()>,
}

/// Lists functions as cases, by their own names.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$($crate::suite::Case { name: stringify!($case), run: |on| Box::pin($case(on)) }),*]
    };
}
pub(crate) use cases;

/// Runs all cases, each on a fresh register, whatever the ones before found.
pub(crate) async fn run<R, F: Future<Output = R>>(
    themes: &[&[Case<R>]],
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

/// Fails with the names of all broken promises.
pub(crate) fn must_be_empty(suite: &str, broken: &[Broken]) {
    let list: String = broken
        .iter()
        .map(|broken| format!("\n- {}: {}", broken.case.replace('_', " "), broken.found))
        .collect();
    assert!(broken.is_empty(), "{} promises of the {suite} suite are broken:{list}", broken.len());
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// A clock that stands still until it is turned.
#[derive(Debug)]
pub(crate) struct Turned(AtomicU64);

impl Turned {
    /// An hour after its beginning, so that things can be older than it.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(3_600_000))
    }

    pub(crate) fn turn(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 4), Ordering::SeqCst);
    }
}

impl SteadyClock for Turned {
    fn tick(&self) -> Tick {
        Tick(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}
