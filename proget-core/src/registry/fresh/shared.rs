//! Shared reads: all requests that wait at one moment share one read of stamps.
//!
//! One of them reads for all. If it is cancelled meanwhile, those it was reading for notice and ask again.

use super::lock;
use crate::catalog::{Catalog, CatalogError, StampOf};
use crate::ids::Stamp;
use futures::channel::oneshot;
use futures::future::{Either, select};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

type Answer = Result<Vec<Option<Stamp>>, Arc<CatalogError>>;

/// One request's questions, waiting for the next shared read.
#[derive(Debug)]
struct Asked {
    of: Vec<StampOf>,
    answer: oneshot::Sender<Answer>,
}

/// The next read, and who takes part in it.
#[derive(Debug, Default)]
pub(super) struct SharedReads {
    waiting: Mutex<Vec<Asked>>,
    /// Held by the one request that is reading for all.
    reading: futures::lock::Mutex<()>,
}

impl SharedReads {
    /// Joins the next shared read and, if nobody else is reading, makes it.
    pub(super) async fn read(
        &self,
        catalog: &dyn Catalog,
        of: &[StampOf],
    ) -> Result<Vec<Option<Stamp>>, CatalogError> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            lock(&self.waiting).push(Asked { of: of.to_vec(), answer });
            let outcome = match select(&mut answered, pin!(self.reading.lock())).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right((turn, _)) => {
                    let outcome = match answered.try_recv() {
                        Ok(None) => {
                            others_first().await;
                            self.read_for_all(catalog).await;
                            answered.await
                        }
                        // Whoever read before answered in the same moment.
                        Ok(Some(answer)) => Ok(answer),
                        Err(cancelled) => Err(cancelled),
                    };
                    drop(turn);
                    outcome
                }
            };
            match outcome {
                Ok(Ok(stamps)) => return Ok(stamps),
                Ok(Err(error)) => return Err(shared(&error)),
                // The request that was reading for us was cancelled: ask again.
                Err(oneshot::Canceled) => {}
            }
        }
    }

    /// Reads what everybody who waits at this moment asks for, and tells them.
    async fn read_for_all(&self, catalog: &dyn Catalog) {
        let batch = std::mem::take(&mut *lock(&self.waiting));
        let mut questions: Vec<StampOf> = Vec::new();
        let mut places: HashMap<&StampOf, usize> = HashMap::new();
        for of in batch.iter().flat_map(|asked| &asked.of) {
            places.entry(of).or_insert_with(|| {
                questions.push(of.clone());
                questions.len() - 1
            });
        }
        let read = catalog.stamps(&questions).await.map_err(Arc::new);
        let answers: Vec<Answer> = batch
            .iter()
            .map(|asked| {
                let stamps = read.as_ref().map_err(Arc::clone)?;
                Ok(asked.of.iter().map(|of| stamps.get(*places.get(of)?).copied().flatten()).collect())
            })
            .collect();
        for (asked, answer) in batch.into_iter().zip(answers) {
            // A request that was cancelled meanwhile wants no answer.
            let _ = asked.answer.send(answer);
        }
    }
}

/// Lets all others go on who can, once: a request asks several things side by side, and those who
/// come in the same moment had better come along.
async fn others_first() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
