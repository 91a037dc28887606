//! What is kept in etcd and how it is asked for, in the JSON of etcd's gateway: keys and values in
//! Base64, 64-bit numbers as texts, and what is empty or zero left out. Pure.
//! <https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/>

use super::error::EtcdError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_core::catalog::Role;
use proget_core::clock::Timestamp;
use proget_core::ids::Incarnation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// The keys of one register.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn below(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// What tells this register from every other.
    pub(super) fn mark(&self) -> String {
        format!("{}/register", self.prefix)
    }

    pub(super) fn lease(&self, role: Role) -> String {
        format!("{}{}", self.leases(), role.0)
    }

    /// How all keys of leases begin.
    pub(super) fn leases(&self) -> String {
        format!("{}/leases/", self.prefix)
    }

    pub(super) fn term(&self, role: Role) -> String {
        format!("{}/terms/{}", self.prefix, role.0)
    }
}

/// A key with its value, as etcd answers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pair {
    /// Only the suite asks for many at once, and needs it.
    #[cfg(any(test, feature = "conformance"))]
    pub(super) key: String,
    #[serde(default)]
    value: String,
    pub(super) mod_revision: String,
    /// The lease that it hangs on.
    #[serde(default)]
    pub(super) lease: Option<String>,
}

impl Pair {
    pub(super) fn text(&self) -> Result<String, EtcdError> {
        unwrapped(&self.value)
    }
}

/// The last term of a role, for its successors; who and since when, for people.
#[derive(Debug, Serialize, Deserialize)]
struct LastTerm {
    term: i64,
    holder: Uuid,
    /// By the clock of the holder, because etcd shows none.
    since: i64,
}

/// A role as it was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) term: i64,
    pub(super) holder: Option<Incarnation>,
    pub(super) since: Option<Timestamp>,
    /// When the last term was written, in etcd's counting; 0 if never.
    pub(super) revision: String,
    /// What it hangs on, while it is held.
    pub(super) timer: Option<String>,
}

impl Seen {
    /// From the two keys of the role.
    pub(super) fn read(lease: Option<&Pair>, last: Option<&Pair>) -> Result<Self, EtcdError> {
        // Without a lease of etcd's it would never be free. Nobody but a hand writes such a key.
        let timer = match lease {
            Some(Pair { lease: None, .. }) => return Err(strange("a lease that never runs out")),
            Some(lease) => lease.lease.clone(),
            None => None,
        };
        let Some(last) = last else {
            if timer.is_some() {
                return Err(strange("a lease without its term"));
            }
            return Ok(Self { term: 0, holder: None, since: None, revision: "0".into(), timer });
        };
        let LastTerm { term, holder, since } =
            serde_json::from_str(&last.text()?).map_err(|_| strange("a term that cannot be read"))?;
        let (holder, since) = (Some(Incarnation(holder)), Some(Timestamp(since)));
        Ok(Self { term, holder, since, revision: last.mod_revision.clone(), timer })
    }
}

/// The value of a lease's key.
pub(super) fn holding(me: Incarnation, term: i64) -> String {
    format!("{term} {}", me.0)
}

/// The value of a term's key.
pub(super) fn last_term(me: Incarnation, term: i64, now: Timestamp) -> Result<String, EtcdError> {
    let last = LastTerm { term, holder: me.0, since: now.0 };
    serde_json::to_string(&last).map_err(|_| strange("a term that cannot be written"))
}

pub(super) fn range(key: String) -> Value {
    json!({ "request_range": { "key": STANDARD.encode(key) } })
}

pub(super) fn put(key: &str, value: &str, timer: Option<&str>) -> Value {
    let lease = timer.unwrap_or("0");
    let (key, value) = (STANDARD.encode(key), STANDARD.encode(value));
    json!({ "request_put": { "key": key, "value": value, "lease": lease } })
}

pub(super) fn delete(key: &str) -> Value {
    json!({ "request_delete_range": { "key": STANDARD.encode(key) } })
}

/// Does something under a condition of its own, as part of a larger transaction.
pub(super) fn nested(condition: Value, then: Value) -> Value {
    json!({ "request_txn": { "compare": [condition], "success": [then] } })
}

pub(super) fn is_absent(key: &str) -> Value {
    json!({ "key": STANDARD.encode(key), "target": "CREATE", "create_revision": "0" })
}

/// Was last written then; 0: never.
pub(super) fn is_at(key: &str, revision: &str) -> Value {
    json!({ "key": STANDARD.encode(key), "target": "MOD", "mod_revision": revision })
}

pub(super) fn is(key: &str, value: &str) -> Value {
    json!({ "key": STANDARD.encode(key), "target": "VALUE", "value": STANDARD.encode(value) })
}

pub(super) fn unwrapped(wrapped: &str) -> Result<String, EtcdError> {
    let bytes = STANDARD.decode(wrapped).map_err(|_| strange("bytes that are no Base64"))?;
    String::from_utf8(bytes).map_err(|_| strange("bytes that are no text"))
}

pub(super) fn strange(what: &'static str) -> EtcdError {
    EtcdError::Strange { what: what.to_owned() }
}
