//! Leases in etcd (feature `etcd`), for those who have one and want roles to move although the database
//! is slow or fails over.
//!
//! For each role there are two keys. `leases/ROLE` says who holds it under which term; it hangs on a
//! lease of etcd's, so etcd deletes it when that has run out, and *free* means that the key is not
//! there. `terms/ROLE` keeps the last term and is never deleted. Both are written in one transaction,
//! which compares what was seen before.
//!
//! What surprised us: etcd's own way of prolonging a lease (`keepalive`) is answered by the leader alone,
//! without asking the others, so a leader that was frozen and has been succeeded may still say yes; and it
//! prolongs by what was granted at first, whatever the timings are now. So a lease of etcd's is a timer here,
//! used once: each renewal makes a new one and moves the keys over to it, in a transaction that
//! only a majority can decide. The old one runs out with nothing hanging on it.
//!
//! Nothing here watches, or reads an old revision, so compaction is nobody's concern.

mod address;
#[cfg(any(test, feature = "conformance"))]
mod aging;
mod calls;
mod error;
mod keys;
mod lines;
#[cfg(test)]
mod tests;

use super::{Election, ElectionError, Holding, Lease};
use async_trait::async_trait;
use calls::{Calls, TimeLeft};
use futures::future::try_join_all;
use keys::{Keys, Seen};
use proget_core::catalog::Role;
use proget_core::clock::{Clock as _, SystemClock};
use proget_core::ids::Incarnation;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

pub use address::{BadEtcdAddress, EtcdAddress};
pub use error::EtcdError;

/// Leases in etcd.
///
/// Several members may be given: a call goes to the one that answered last, and the next goes to another
/// if it did not answer. A call that has been sent is not repeated, since nobody knows what it did; the elector asks
/// again soon.
pub struct EtcdElection {
    calls: Calls,
    keys: Keys,
    limit: Duration,
    /// The mark that this register was found to have.
    mark: Mutex<Option<String>>,
}

impl EtcdElection {
    /// Connects when it is first used. Each call is given up after `limit`; callers may leave sooner.
    ///
    /// # Errors
    /// If a file that the address names cannot be used.
    pub fn new(address: &EtcdAddress, limit: Duration) -> Result<Self, EtcdError> {
        let keys = Keys::below(&address.prefix);
        Ok(Self { calls: Calls::to(address)?, keys, limit, mark: Mutex::default() })
    }

    async fn within<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, EtcdError>> + Send,
    ) -> Result<T, ElectionError> {
        let outcome = timeout(self.limit, work).await;
        let outcome = outcome.unwrap_or(Err(EtcdError::NoAnswer { after: self.limit }));
        outcome.map_err(|error| ElectionError { doing, source: Some(Box::new(error)) })
    }

    /// These roles at one moment, with the revisions that a transaction may compare.
    async fn see(&self, roles: &[Role]) -> Result<Vec<Seen>, EtcdError> {
        let mut ranges = vec![keys::range(self.keys.mark())];
        for role in roles {
            ranges.extend([keys::range(self.keys.lease(*role)), keys::range(self.keys.term(*role))]);
        }
        let answer = self.calls.transaction(&json!({ "success": ranges })).await?;
        let mut found = answer.found();
        match found.next().flatten() {
            Some(mark) => self.is_marked(mark.text()?),
            None => self.mark_it().await?,
        }
        roles.iter().map(|_| Seen::read(found.next().flatten(), found.next().flatten())).collect()
    }

    /// A register gets a mark of its own when it is first used: servers compare it, so that one which uses
    /// another etcd, or another folder of it, is found out. (etcd's own number of a cluster will not do: it
    /// follows from names and addresses, and is the same for every etcd that is started without settings.)
    async fn mark_it(&self) -> Result<(), EtcdError> {
        let (key, mark) = (self.keys.mark(), Incarnation::random().0.to_string());
        let request = json!({
            "compare": [keys::is_absent(&key)],
            "success": [keys::put(&key, &mark, None)],
        });
        // If another was quicker, the next look finds its mark.
        if self.calls.transaction(&request).await?.succeeded {
            self.is_marked(mark);
        }
        Ok(())
    }

    fn is_marked(&self, mark: String) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
    }

    async fn taken(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, EtcdError> {
        let seen = self.see(&[role]).await?;
        let Some(free) = seen.first().filter(|seen| seen.timer.is_none()) else { return Ok(None) };
        let term = free.term.max(floor).saturating_add(1);
        let timer = self.calls.start_timer(lease).await?;
        let (held, last) = (self.keys.lease(role), self.keys.term(role));
        let request = json!({
            "compare": [keys::is_absent(&held), keys::is_at(&last, &free.revision)],
            "success": [
                keys::put(&held, &keys::holding(me, term), Some(&timer)),
                keys::put(&last, &keys::last_term(me, term, SystemClock.now())?, None),
            ],
        });
        Ok(self.calls.transaction(&request).await?.succeeded.then_some(term))
    }

    async fn prolonged(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, EtcdError> {
        let timer = self.calls.start_timer(lease).await?;
        let each: Vec<Value> = held
            .iter()
            .map(|held| {
                let (key, value) = (self.keys.lease(held.role), keys::holding(me, held.term));
                keys::nested(keys::is(&key, &value), keys::put(&key, &value, Some(&timer)))
            })
            .collect();
        let answer = self.calls.transaction(&json!({ "success": each })).await?;
        let prolonged = held.iter().zip(answer.nested()).filter(|(_, done)| *done);
        Ok(prolonged.map(|(held, _)| *held).collect())
    }

    async fn given_back(&self, me: Incarnation, held: Holding) -> Result<(), EtcdError> {
        let key = self.keys.lease(held.role);
        let request = json!({
            "compare": [keys::is(&key, &keys::holding(me, held.term))],
            "success": [keys::delete(&key)],
        });
        self.calls.transaction(&request).await.map(drop)
    }

    async fn looked(&self, roles: &[Role]) -> Result<Vec<Lease>, EtcdError> {
        let seen = self.see(roles).await?;
        let timers: BTreeMap<&str, ()> =
            seen.iter().filter_map(|seen| Some((seen.timer.as_deref()?, ()))).collect();
        let asking = timers.into_keys().map(async |timer| Ok((timer, self.calls.time_left(timer).await?)));
        let left: BTreeMap<&str, TimeLeft> = try_join_all(asking).await?.into_iter().collect();
        let lease = |(role, seen): (&Role, &Seen)| Lease {
            role: *role,
            term: seen.term,
            holder: seen.holder,
            since: seen.since,
            left: seen.timer.as_deref().and_then(|timer| left.get(timer)?.for_people()),
        };
        Ok(roles.iter().zip(&seen).map(lease).collect())
    }
}

#[async_trait]
impl Election for EtcdElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        self.within("acquiring a lease in etcd", self.taken(me, role, floor, lease)).await
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        self.within("renewing leases in etcd", self.prolonged(me, held, lease)).await
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        self.within("giving a lease back to etcd", self.given_back(me, held)).await
    }

    /// Two round trips where a role is held: etcd tells in a call of its own how long a lease still runs.
    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        self.within("looking at leases in etcd", self.looked(roles)).await
    }

    fn register(&self) -> Option<String> {
        let mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone();
        mark.map(|mark| format!("etcd {mark}"))
    }
}

impl fmt::Debug for EtcdElection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdElection").field("keys", &self.keys).finish_non_exhaustive()
    }
}
