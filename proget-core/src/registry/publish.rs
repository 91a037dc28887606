//! Publishing, as the numbered steps it consists of.
//!
//! Steps 1 (may this caller publish here?) and 2 (receive the bytes) are behind the caller when
//! it comes here: it brings an [`Admission`] and an [`Artifact`]. Bytes are put before the row
//! that names them; the one commit of step 7 is the moment of publication: nobody sees anything
//! before it, everybody everything after it.

use super::policy::Candidate;
use super::publication::Attempt;
use super::{Admission, Registry};
use crate::access::{Actor, Permission};
use crate::artifact::Artifact;
use crate::blob::BlobKey;
use crate::catalog::{BlobChange, BlobRow, BlobState, ChangeSet};
use crate::digest::Sha256;
use crate::feed::StoreName;
use crate::format::FeedFormat;
use crate::package::{Manifest, Offer};
use crate::problem::Problem;
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;

/// For how long a publish keeps sweeps away from its bytes; renewed while a long put runs.
const HOLD: Duration = Duration::from_secs(600);

/// How often a publish judges again or puts again before it asks its client to come back.
const ATTEMPTS: usize = 8;

/// What a publish came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is there now and was not before.
    New,
    /// The same bytes were there already; nothing was changed.
    Same,
    /// Other bytes were there and have been replaced, as the feed allows.
    Replaced,
}

/// What became of a reservation while the bytes were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// It lasted.
    Kept,
    /// This process stood still for longer than it held, and a sweep took the row: begin again.
    Lost,
}

impl Registry {
    /// Publishes an artifact that has been received under an admission to add packages.
    ///
    /// # Errors
    /// `Refused` for the author; `AlreadyExists` if other bytes are there; `Busy` if a dependency is
    /// away. After any error nothing is visible, and the same call may be repeated.
    pub async fn publish(
        &self,
        mut admission: Admission,
        format: &'static dyn FeedFormat,
        artifact: Artifact,
        offer: Offer,
    ) -> Result<(Published, Manifest), Problem> {
        admission.demand(Permission::Add)?;
        step("received");
        // 3. What is it? Away from the runtime, because archives are opened.
        let manifest = self.inspect(format, &artifact, offer).await?;
        step("inspected");
        for _ in 0..ATTEMPTS {
            // 4. Does everybody who has a say agree?
            let expected = self.keep_spelling(&admission, format, &manifest).await?;
            admission = self.demand_room(admission, &manifest, &artifact).await?;
            self.judge(&admission, &manifest, &artifact).await?;
            // 5. From here no sweep takes these bytes.
            let store = admission.feed().settings.store.clone();
            let digest = artifact.digests().sha256;
            let reserved = self.reserve(admission.caller().actor(), &store, digest, artifact.size()).await?;
            step("reserved");
            // 6. Durable, before any row names them.
            if self.put_once(&store, &reserved, &artifact).await? == Hold::Lost {
                continue;
            }
            step("put");
            // 7. The moment of publication.
            match self.commit_file(&admission, &manifest, &artifact, &reserved, expected).await? {
                Attempt::Done(outcome) => {
                    step("committed");
                    // 8. Word to those who asked for it. Hints to other nodes come with the cluster.
                    for observer in &self.observers {
                        observer.published(admission.feed(), &manifest, outcome);
                    }
                    // 9. The answer, which the feed type puts into its client's dialect.
                    return Ok((outcome, manifest));
                }
                Attempt::JudgeAgain => admission = self.admit_again(&admission).await?,
                Attempt::PutAgain => {}
            }
        }
        Err(Problem::busy("this package, which many are changing at this moment"))
    }

    async fn judge(
        &self,
        admission: &Admission,
        manifest: &Manifest,
        artifact: &Artifact,
    ) -> Result<(), Problem> {
        let (caller, feed) = (admission.caller(), admission.feed());
        for policy in &self.policies {
            policy.judge(Candidate { caller, feed, manifest, artifact }).await?;
        }
        Ok(())
    }

    /// Reserves a digest, always with a key that was never used: one that was reserved before may
    /// have been doomed since, and what is written under a doomed key will be deleted.
    async fn reserve(
        &self,
        actor: Actor,
        store: &StoreName,
        digest: Sha256,
        size: u64,
    ) -> Result<BlobRow, Problem> {
        let (store, fresh) = (store.clone(), BlobKey::fresh(digest));
        let reserve = BlobChange::Reserve { store, fresh, size, hold: HOLD };
        let committed = self.fresh.commit(ChangeSet::by(actor).with(reserve)).await?;
        let row = committed.reserved.into_iter().next();
        row.ok_or_else(|| Problem::internal("reserving a digest", &std::io::Error::other("no row came back")))
    }

    /// Puts the bytes unless they are surely there, and renews the reservation while that takes long.
    async fn put_once(
        &self,
        store: &StoreName,
        reserved: &BlobRow,
        artifact: &Artifact,
    ) -> Result<Hold, Problem> {
        let there = self.packages.store(store)?;
        if reserved.state == BlobState::Live && there.head(&reserved.key).await? == Some(artifact.size()) {
            return Ok(Hold::Kept);
        }
        let mut put = pin!(there.put(&reserved.key, artifact));
        loop {
            let pause = self.runtime.sleep(HOLD / 3);
            match select(put.as_mut(), pause).await {
                Either::Left((outcome, _)) => {
                    outcome?;
                    return Ok(Hold::Kept);
                }
                Either::Right(_) => {
                    let (digest, size) = (reserved.key.digest, reserved.size);
                    let now = self.reserve(super::system_actor(), store, digest, size).await?;
                    if now.key != reserved.key {
                        return Ok(Hold::Lost);
                    }
                }
            }
        }
    }
}

/// Says in the log, if asked to, how far a publish has come: who kills a server to see what is left
/// wants to know what it was doing.
fn step(done: &'static str) {
    tracing::trace!(target: "proget::publish", step = done);
}
