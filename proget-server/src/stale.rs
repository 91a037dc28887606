//! Reading while the database cannot be reached: who may, whether this is such a time, and how such an
//! answer is marked. What can be had then is [`proget_core::registry::StaleView`]'s.
//!
//! A stale answer comes only from a server that says "not ready" to balancers: its beats have not reached
//! the database for so long that it is late, and the catalogue did not answer either when it was asked.
//! Until then, and after, every answer is as fresh as ever, or is 503.

use poem::Response;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use proget_cluster::node::Node;
use proget_core::Registry;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// Marks a stale answer: how many seconds ago the oldest of what it is made of was certain.
pub const STALE_HEADER: HeaderName = HeaderName::from_static("x-proget-stale");

/// How often a server that is late looks whether it reaches the catalogue.
const LOOK: Duration = Duration::from_millis(500);

/// What has not answered after this time does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who may read what a server remembers while the database cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StaleReaders {
    /// Nobody. The default.
    #[default]
    Nobody,
    /// Everybody, from feeds that everybody may read.
    Anonymous,
    /// Besides, whoever this very process has verified within the bound. A credential that was revoked
    /// meanwhile is not known to be.
    Known,
}

/// Reading while the database cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StaleReads {
    /// Who may.
    pub readers: StaleReaders,
    /// How long ago at most the process was certain of what it answers, and of who asks.
    pub bound: Duration,
}

/// Whether the database can be reached, for those who ask with every request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach(Arc<Known>);

#[derive(Default)]
struct Known {
    /// The catalogue did not answer when it was last asked, and beats were late.
    silent: AtomicBool,
    /// Are they now? Asked last, because a catalogue that comes back may take its time to answer, and the
    /// server is ready as soon as it has beaten.
    late: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("silent", &self.silent).finish_non_exhaustive()
    }
}

impl Reach {
    /// Is it certain that it cannot? Never while the server is ready.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.0.silent.load(Ordering::Relaxed) && self.0.late.get().is_some_and(|late| late())
    }

    /// Looks until it is dropped.
    pub(crate) async fn keep_looking(self, node: Arc<Node>, registry: Arc<Registry>) {
        let asked = Arc::downgrade(&node);
        let late = move || asked.upgrade().is_some_and(|node| node.is_cut_off());
        // There is one that looks.
        let _ = self.0.late.set(Box::new(late));
        let mut pulse = node.pulse();
        loop {
            pulse.borrow_and_update();
            let silent = node.is_cut_off() && {
                let asked = timeout(PATIENCE, registry.fresh().read().ping()).await;
                !matches!(asked, Ok(Ok(())))
            };
            if self.0.silent.swap(silent, Ordering::Relaxed) != silent {
                if silent {
                    tracing::warn!(
                        "the database is out of reach: reads are answered from memory, within the bound"
                    );
                } else {
                    tracing::info!("the database can be reached again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = pulse.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// The answer as it leaves, if it is one that may: it is marked, and nobody keeps it.
pub(crate) fn marked(mut response: Response, age: Duration) -> Option<Response> {
    let status = response.status();
    if !status.is_success() && status != StatusCode::NOT_MODIFIED {
        return None;
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(STALE_HEADER, HeaderValue::from(age.as_secs()));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_beaten_again_is_not_cut_off_though_the_catalogue_has_yet_to_answer() {
        let (reach, late) = (Reach::default(), Arc::new(AtomicBool::new(true)));
        assert!(!reach.is_cut_off(), "before anybody has looked");
        reach.0.silent.store(true, Ordering::Relaxed);
        assert!(!reach.is_cut_off(), "as long as nobody knows of beats");
        let asked = late.clone();
        let _ = reach.0.late.set(Box::new(move || asked.load(Ordering::Relaxed)));
        assert!(reach.is_cut_off());
        late.store(false, Ordering::Relaxed);
        assert!(!reach.is_cut_off());
    }

    #[test]
    fn a_good_answer_is_marked_and_any_other_is_none() {
        let of = |status: StatusCode| {
            Response::builder().status(status).header("cache-control", "public").finish()
        };
        for good in [StatusCode::OK, StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED] {
            let answer = marked(of(good), Duration::from_millis(61_900)).unwrap();
            assert_eq!(answer.header("x-proget-stale"), Some("61"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        for other in [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED, StatusCode::FOUND] {
            assert!(marked(of(other), Duration::ZERO).is_none(), "{other}");
        }
    }
}
