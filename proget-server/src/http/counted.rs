//! How requests are counted: by the feed type of their route and by how they ended.
//!
//! To find a figure by its name and labels costs more than to count it: the recorder makes a key of
//! them each time. So what was found is kept. It must not be found too early: what `metrics` gives out
//! before there is a recorder counts nothing, for ever. And a recorder that we do not know may drop a
//! figure that has not moved for a while, so that a kept one counts into the void. Therefore only
//! figures of our own recorder are kept, which forgets none.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Histogram, counter, histogram};
use poem::{Endpoint, Middleware, Request};

use crate::figures::list::{HTTP_REQUEST, HTTP_REQUESTS};

use super::metrics::{Metrics, Recorder};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Cut,
    Refused,
    Failed,
    Abandoned,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cut => "cut",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A figure, kept as soon as it may be.
struct Kept<F>(OnceLock<F>);

impl<F> Kept<F> {
    const fn none() -> Self {
        Self(OnceLock::new())
    }

    fn tell(&self, recorder: Recorder, find: impl FnOnce() -> F, tell: impl FnOnce(&F)) {
        match recorder {
            Recorder::Ours => tell(self.0.get_or_init(find)),
            Recorder::Unknown => tell(&find()),
        }
    }
}

/// The figures of one feed type's requests.
struct Figures {
    feed_type: &'static str,
    ok: Kept<Counter>,
    cut: Kept<Counter>,
    refused: Kept<Counter>,
    failed: Kept<Counter>,
    abandoned: Kept<Counter>,
    seconds: Kept<Histogram>,
}

impl Figures {
    const fn of(feed_type: &'static str) -> Self {
        Self {
            feed_type,
            ok: Kept::none(),
            cut: Kept::none(),
            refused: Kept::none(),
            failed: Kept::none(),
            abandoned: Kept::none(),
            seconds: Kept::none(),
        }
    }

    fn count(&self, outcome: Outcome, seconds_to_head: Option<f64>) {
        let (recorder, feed_type) = (Metrics::recorder(), self.feed_type);
        let requests = match outcome {
            Outcome::Ok => &self.ok,
            Outcome::Cut => &self.cut,
            Outcome::Refused => &self.refused,
            Outcome::Failed => &self.failed,
            Outcome::Abandoned => &self.abandoned,
        };
        let find = || counter!(HTTP_REQUESTS, "feed_type" => feed_type, "outcome" => outcome.as_str());
        requests.tell(recorder, find, |requests| requests.increment(1));
        if let Some(seconds) = seconds_to_head {
            let find = || histogram!(HTTP_REQUEST, "feed_type" => feed_type);
            self.seconds.tell(recorder, find, |histogram| histogram.record(seconds));
        }
    }
}

/// Says for the metrics which feed type a route serves: `route.with(FeedTypeLabel("npm"))`.
/// Requests without it count as `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedTypeLabel(
    /// The feed type's name.
    pub &'static str,
);

impl<E: Endpoint> Middleware<E> for FeedTypeLabel {
    type Output = Labelled<E>;

    fn transform(&self, route: E) -> Self::Output {
        Labelled { route, figures: Arc::new(Figures::of(self.0)) }
    }
}

/// A route under a [`FeedTypeLabel`].
pub struct Labelled<E> {
    route: E,
    figures: Arc<Figures>,
}

impl<E: Endpoint> Endpoint for Labelled<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<Self::Output> {
        if let Some(label) = request.data::<Label>() {
            // The outermost label wins; a second one is no error.
            let _ = label.0.set(Arc::clone(&self.figures));
        }
        self.route.call(request).await
    }
}

/// Where a labelled route leaves its label for the record outside.
#[derive(Clone, Default)]
pub(super) struct Label(Arc<OnceLock<Arc<Figures>>>);

impl Label {
    /// Counts one request of the labelled route. `seconds_to_head` is how long the head of its
    /// answer took, if there was one.
    pub(super) fn count(&self, outcome: Outcome, seconds_to_head: Option<f64>) {
        static NONE: Figures = Figures::of("none");
        self.0.get().map_or(&NONE, Arc::as_ref).count(outcome, seconds_to_head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn a_figure_asked_for_before_there_is_a_recorder_counts_afterwards_and_is_then_kept() {
        let kept = Kept::none();
        let count = |recorder| {
            kept.tell(recorder, || counter!("kept_test_total"), |figure: &Counter| figure.increment(1));
        };
        count(Recorder::Unknown);
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        metrics::with_local_recorder(&recorder, || count(Recorder::Ours));
        assert!(shown.render().contains("kept_test_total 1\n"), "{}", shown.render());
        // Nothing here leads to that recorder any more but what was kept.
        count(Recorder::Ours);
        assert!(shown.render().contains("kept_test_total 2\n"), "{}", shown.render());
    }

    #[test]
    fn figures_of_an_unknown_recorder_are_looked_up_each_time() {
        let kept = Kept::none();
        for _ in 0..2 {
            let recorder = PrometheusBuilder::new().build_recorder();
            let count = || {
                let find = || counter!("sought_test_total");
                kept.tell(Recorder::Unknown, find, |figure: &Counter| figure.increment(1));
            };
            metrics::with_local_recorder(&recorder, count);
            let text = recorder.handle().render();
            assert!(text.contains("sought_test_total 1\n"), "{text}");
        }
    }

    #[test]
    fn requests_are_counted_by_feed_type_and_outcome() {
        let metrics = Metrics::install();
        let label = Label::default();
        label.0.set(Arc::new(Figures::of("countedtest"))).ok().unwrap();
        label.count(Outcome::Ok, Some(0.003));
        label.count(Outcome::Ok, Some(0.003));
        label.count(Outcome::Abandoned, None);
        let text = metrics.render().unwrap();
        for line in [
            "http_requests_total{feed_type=\"countedtest\",outcome=\"ok\"} 2",
            "http_requests_total{feed_type=\"countedtest\",outcome=\"abandoned\"} 1",
            "http_request_seconds_bucket{feed_type=\"countedtest\",le=\"0.005\"} 2",
            "http_request_seconds_count{feed_type=\"countedtest\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        let never = "{feed_type=\"countedtest\",outcome=\"failed\"}";
        assert!(!text.contains(never), "what never happened is not shown: {text}");
    }
}
