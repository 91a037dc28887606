//! The suites of [`PublishPolicy`] and [`Observer`].

use super::case::{self, Broken, Case, cases};
use super::sample::{self, fragment};
use crate::access::Principal;
use crate::artifact::Artifact;
use crate::clock::Timestamp;
use crate::digest::DigestSet;
use crate::feed::{Feed, FeedSettings};
use crate::ids::{FeedId, Stamp};
use crate::package::Manifest;
use crate::refusal::Refusal;
use crate::registry::{Candidate, Observer, PublishPolicy, Published};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const POLICY_CASES: &[Case<Arc<dyn PublishPolicy>>] = cases![
    the_same_candidate_is_judged_the_same_each_time,
    a_refusal_names_field_and_rule,
    candidates_are_judged_at_once_as_one_by_one,
];

const OBSERVER_CASES: &[Case<Arc<dyn Observer>>] =
    cases![an_observer_returns_at_once, an_observer_is_told_by_many_threads];

/// Tries what can be tried of a policy without knowing what it is for.
///
/// # Panics
/// With the names of all broken promises.
pub async fn policy<F: Future<Output = Arc<dyn PublishPolicy>>>(fresh: impl Fn() -> F) {
    case::must_be_empty("publish policy", &policy_broken(fresh).await);
}

/// The promises that a policy breaks.
pub async fn policy_broken<F: Future<Output = Arc<dyn PublishPolicy>>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    case::run(&[POLICY_CASES], fresh).await
}

/// Tries every promise of an observer.
///
/// # Panics
/// With the names of all broken promises.
pub async fn observer<F: Future<Output = Arc<dyn Observer>>>(fresh: impl Fn() -> F) {
    case::must_be_empty("observer", &observer_broken(fresh).await);
}

/// The promises that an observer breaks.
pub async fn observer_broken<F: Future<Output = Arc<dyn Observer>>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    case::run(&[OBSERVER_CASES], fresh).await
}

/// Something to be published.
struct Sample {
    caller: Principal,
    feed: Feed,
    manifest: Manifest,
    artifact: Artifact,
}

impl Sample {
    fn candidate(&self) -> Candidate<'_> {
        let Self { caller, feed, manifest, artifact } = self;
        Candidate { caller, feed, manifest, artifact }
    }
}

fn samples() -> Vec<Sample> {
    let artifact = Artifact::in_memory("bytes", DigestSet::default());
    let mut samples = Vec::new();
    for caller in [Principal::anonymous(), Principal::system()] {
        for (package, version) in [("left-pad", "1.0.0"), ("@acme/a", "2.0.0-rc"), ("ä", "0.0.1")] {
            let feed = Feed {
                id: FeedId(1),
                name: sample::feed_name("internal"),
                format: sample::format_id(),
                settings: FeedSettings::default(),
                revision: Stamp::random(),
                created: Timestamp(0),
            };
            let manifest = Manifest {
                name: sample::package(package),
                version: sample::version(version),
                file: sample::file_of(package, version),
                version_fragment: fragment("version"),
                file_fragment: fragment("file"),
                detail: fragment(""),
                file_detail: fragment(""),
                summary: String::new(),
                keywords: Vec::new(),
                tags: Vec::new(),
            };
            samples.push(Sample { caller: caller.clone(), feed, manifest, artifact: artifact.clone() });
        }
    }
    samples
}

async fn verdicts(policy: &dyn PublishPolicy, samples: &[Sample]) -> Vec<Result<(), Refusal>> {
    let mut verdicts = Vec::new();
    for sample in samples {
        verdicts.push(policy.judge(sample.candidate()).await);
    }
    verdicts
}

async fn the_same_candidate_is_judged_the_same_each_time(policy: Arc<dyn PublishPolicy>) {
    let samples = samples();
    let first = verdicts(&*policy, &samples).await;
    for _ in 0..5 {
        assert_eq!(verdicts(&*policy, &samples).await, first, "being asked again has no effect");
    }
}

async fn a_refusal_names_field_and_rule(policy: Arc<dyn PublishPolicy>) {
    for refusal in verdicts(&*policy, &samples()).await.into_iter().filter_map(Result::err) {
        assert!(
            !refusal.field.is_empty() && !refusal.rule.is_empty(),
            "a refusal is for the author: {refusal:?}"
        );
    }
}

async fn candidates_are_judged_at_once_as_one_by_one(policy: Arc<dyn PublishPolicy>) {
    let samples = samples();
    let one_by_one = verdicts(&*policy, &samples).await;
    let at_once = samples.iter().map(|sample| policy.judge(sample.candidate()));
    assert_eq!(futures::future::join_all(at_once).await, one_by_one);
}

const OUTCOMES: [Published; 3] = [Published::New, Published::Same, Published::Replaced];

async fn an_observer_returns_at_once(observer: Arc<dyn Observer>) {
    let samples = samples();
    let begun = Instant::now();
    for _ in 0..100 {
        for (sample, outcome) in samples.iter().zip(OUTCOMES.into_iter().cycle()) {
            observer.published(&sample.feed, &sample.manifest, outcome);
        }
    }
    let each = begun.elapsed() / 600;
    // Generous, because machines are busy; an observer that waits for anything takes longer.
    assert!(each < Duration::from_millis(5), "an observer makes each publish wait for {each:?}");
}

async fn an_observer_is_told_by_many_threads(observer: Arc<dyn Observer>) {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for sample in samples() {
                    observer.published(&sample.feed, &sample.manifest, Published::New);
                }
            });
        }
    });
}
