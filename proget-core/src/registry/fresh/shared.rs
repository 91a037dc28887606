//! Shared reads: all requests that wait at one moment share one read of stamps.
//!
//! Whoever finds no round to join opens one and has it read, beside itself: a request that leaves takes
//! nothing from the others. A round takes everybody along until its read begins; one read is under
//! way at a time.
//!
//! What surprised us: on a busy node the round trip is cheap and being woken is dear, so a round is read
//! when nobody else has anything to do ([`Runtime::yield_now`]), and its answer is one value for all.

use super::lock;
use crate::catalog::{Catalog, CatalogError, StampOf};
use crate::ids::Stamp;
use crate::registry::Runtime;
use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::Shared;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

type Answer = Result<Arc<[Option<Stamp>]>, Arc<CatalogError>>;

/// Those who will be answered by one read that has not begun.
#[derive(Debug)]
struct Round {
    /// What is asked, each once, and its place in the answer.
    places: HashMap<StampOf, usize>,
    tell: oneshot::Sender<Answer>,
    told: Shared<oneshot::Receiver<Answer>>,
}

impl Round {
    fn open() -> Self {
        let (tell, told) = oneshot::channel();
        Self { places: HashMap::new(), tell, told: told.shared() }
    }

    fn ask(&mut self, of: &StampOf) -> usize {
        if let Some(place) = self.places.get(of) {
            return *place;
        }
        let place = self.places.len();
        self.places.insert(of.clone(), place);
        place
    }
}

/// The reads of one catalogue.
#[derive(Debug)]
pub(super) struct SharedReads {
    catalog: Arc<dyn Catalog>,
    runtime: Arc<dyn Runtime>,
    next: Mutex<Option<Round>>,
    /// Held while a read is under way.
    reading: futures::lock::Mutex<()>,
}

impl SharedReads {
    pub(super) fn of(catalog: Arc<dyn Catalog>, runtime: Arc<dyn Runtime>) -> Arc<Self> {
        Arc::new(Self { catalog, runtime, next: Mutex::default(), reading: futures::lock::Mutex::default() })
    }

    /// Joins the next read; its answers are in the order of the questions.
    pub(super) async fn read(self: &Arc<Self>, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        let ask = |round: &mut Round| of.iter().map(|of| round.ask(of)).collect::<Vec<_>>();
        let (places, stamps) = self.join(ask).await?;
        Ok(places.into_iter().map(|place| stamps.get(place).copied().flatten()).collect())
    }

    /// The same for one question, as most requests have.
    pub(super) async fn read_one(self: &Arc<Self>, of: &StampOf) -> Result<Option<Stamp>, CatalogError> {
        let (place, stamps) = self.join(|round| round.ask(of)).await?;
        Ok(stamps.get(place).copied().flatten())
    }

    /// Takes places in the next round, which it opens if nobody has, and waits for that round's answer.
    async fn join<P>(
        self: &Arc<Self>,
        ask: impl Fn(&mut Round) -> P,
    ) -> Result<(P, Arc<[Option<Stamp>]>), CatalogError> {
        loop {
            let (opened, places, told) = {
                let mut next = lock(&self.next);
                let opened = next.is_none();
                let round = next.get_or_insert_with(Round::open);
                (opened, ask(round), round.told.clone())
            };
            if opened {
                // If this request leaves, a runtime that keeps its promise reads for the others all the same.
                let duty = Duty { reads: self.clone(), begun: false };
                self.runtime.complete(Box::pin(duty.fulfil())).await;
            }
            match told.await {
                Ok(Ok(stamps)) => return Ok((places, stamps)),
                Ok(Err(error)) => return Err(shared(&error)),
                Err(oneshot::Canceled) if opened => {
                    let doing = "reading stamps, which was broken off";
                    return Err(CatalogError::Unavailable { doing, source: None });
                }
                // Whoever opened the round left, and its read with it: ask again.
                Err(oneshot::Canceled) => {}
            }
        }
    }
}

/// The duty to read the round that was opened. Dropped before, the round ends without an answer.
struct Duty {
    reads: Arc<SharedReads>,
    begun: bool,
}

impl Duty {
    async fn fulfil(mut self) {
        let reads = self.reads.clone();
        let _reading = reads.reading.lock().await;
        reads.runtime.yield_now().await;
        self.begun = true;
        let Some(Round { places, tell, .. }) = lock(&reads.next).take() else { return };
        let mut questions: Vec<(StampOf, usize)> = places.into_iter().collect();
        questions.sort_unstable_by_key(|(_, place)| *place);
        let questions: Vec<StampOf> = questions.into_iter().map(|(of, _)| of).collect();
        let answer = reads.catalog.stamps(&questions).await.map(Arc::from).map_err(Arc::new);
        // If nobody waits any more, nobody wants to know.
        let _ = tell.send(answer);
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.begun {
            lock(&self.reads.next).take();
        }
    }
}

/// The same error for everybody who shared the read.
fn shared(error: &Arc<CatalogError>) -> CatalogError {
    let source = Some(Box::new(Arc::clone(error)) as Box<dyn std::error::Error + Send + Sync>);
    let doing = "reading stamps";
    if error.is_retryable() {
        CatalogError::Unavailable { doing, source }
    } else {
        CatalogError::Other { doing, source }
    }
}
