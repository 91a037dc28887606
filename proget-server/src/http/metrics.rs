//! The Prometheus recorder of this process. `metrics` has one recorder per process, while
//! several servers may run in one (tests, embedders): the first installs it and all share it. If
//! the embedding program has installed a recorder of its own, our figures go there, and
//! [`Metrics::render`] has nothing to show.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The media type of [`Metrics::render`]'s text.
pub const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of latency histograms, in seconds: from a cached index to a large upload.
const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// How often recorded values are folded into their histograms; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The figures of this process.
#[derive(Clone)]
pub struct Metrics(Option<PrometheusHandle>);

/// Set once, by the first server.
static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Where the figures of this process go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorder {
    /// To ours, until the process ends. It drops no figure, so what it gave out may be kept.
    Ours,
    /// To nobody so far, or to the recorder of the embedding program.
    Unknown,
}

impl Metrics {
    /// Installs the recorder, or returns the one that is there. Every histogram whose name ends
    /// in `_seconds` has buckets for latencies.
    pub fn install() -> Self {
        Self(INSTALLED.get_or_init(install).clone())
    }

    pub(super) fn recorder() -> Recorder {
        match INSTALLED.get() {
            Some(Some(_)) => Recorder::Ours,
            Some(None) | None => Recorder::Unknown,
        }
    }

    /// The figures in Prometheus' text format, or `None` if another recorder has them.
    pub fn render(&self) -> Option<String> {
        self.0.as_ref().map(PrometheusHandle::render)
    }
}

fn install() -> Option<PrometheusHandle> {
    let installed = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder);
    let handle = match installed {
        Ok(handle) => handle,
        Err(error) => {
            tracing::info!(%error, "metrics go to the recorder of the embedding program");
            return None;
        }
    };
    crate::figures::list::describe();
    // A thread of its own, because the runtime of the first server may end before the second's.
    let upkept = handle.clone();
    let upkeep = std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkept.run_upkeep();
        }
    });
    if let Err(error) = upkeep {
        tracing::warn!(%error, "cannot start the thread that folds metrics; they are folded when read");
    }
    Some(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_in_one_process_share_one_recorder() {
        let (first, second) = (Metrics::install(), Metrics::install());
        metrics::counter!("shell_test_total").increment(2);
        metrics::histogram!("shell_test_seconds").record(0.003);
        for text in [first.render().unwrap(), second.render().unwrap()] {
            assert!(text.contains("shell_test_total 2"), "{text}");
            assert!(text.contains("shell_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        }
    }
}
