//! The few calls of etcd that leases need, with a token where it wants to know who calls.

use super::address::EtcdAddress;
use super::error::EtcdError;
use super::keys::Pair;
use super::lines::{Answer, Lines};
use bytes::Bytes;
use http::StatusCode;
use proget_core::access::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// etcd, as far as leases need it.
pub(super) struct Calls {
    lines: Lines,
    user: Option<(String, Secret)>,
    /// What etcd gave us for user and password. It forgets it after some minutes, or when it restarts.
    token: Mutex<Option<Arc<Secret>>>,
}

/// What became of a transaction.
#[derive(Debug, Deserialize)]
pub(super) struct Transacted {
    /// Did its comparisons hold?
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    responses: Vec<Response>,
}

#[derive(Debug, Deserialize)]
struct Response {
    #[serde(default)]
    response_range: Option<Range>,
    #[serde(default)]
    response_txn: Option<Transacted>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    pub(super) kvs: Vec<Pair>,
}

impl Transacted {
    /// The keys that were asked for one by one, in that order.
    pub(super) fn found(&self) -> impl Iterator<Item = Option<&Pair>> {
        self.responses.iter().map(|response| response.response_range.as_ref()?.kvs.first())
    }

    /// Whether the conditions of its parts held, in their order.
    pub(super) fn nested(&self) -> impl Iterator<Item = bool> {
        let held = |response: &Response| response.response_txn.as_ref().is_some_and(|part| part.succeeded);
        self.responses.iter().map(held)
    }
}

/// For how long a timer still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeLeft {
    /// Whole seconds, cut off.
    Seconds(u64),
    /// It has run out, and what hung on it is gone.
    Gone,
}

impl TimeLeft {
    /// As [`super::Lease::left`] has it. In its last second it is held still.
    pub(super) fn for_people(self) -> Option<Duration> {
        match self {
            Self::Seconds(0) => Some(Duration::from_millis(1)),
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Self::Gone => None,
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "TTL", default)]
    ttl: String,
}

#[derive(Deserialize)]
struct Ttl {
    #[serde(rename = "TTL", default)]
    ttl: Option<String>,
}

impl Calls {
    pub(super) fn to(address: &EtcdAddress) -> Result<Self, EtcdError> {
        Ok(Self { lines: Lines::to(address)?, user: address.user.clone(), token: Mutex::default() })
    }

    pub(super) async fn transaction(&self, request: &Value) -> Result<Transacted, EtcdError> {
        self.call("/v3/kv/txn", request).await
    }

    /// A lease of etcd's, in whole seconds and never less than was asked for.
    pub(super) async fn start_timer(&self, time: Duration) -> Result<String, EtcdError> {
        let seconds = time.as_millis().div_ceil(1000).max(1);
        let granted: Granted = self.call("/v3/lease/grant", &json!({ "TTL": seconds.to_string() })).await?;
        // More it may be: etcd grants nothing below one and a half of its own elections.
        if granted.ttl.parse::<u128>().is_ok_and(|granted| granted >= seconds) {
            return Ok(granted.id);
        }
        Err(EtcdError::Strange { what: format!("{} s were granted, and {seconds} s asked for", granted.ttl) })
    }

    pub(super) async fn time_left(&self, timer: &str) -> Result<TimeLeft, EtcdError> {
        let answer: Ttl = self.call("/v3/lease/timetolive", &json!({ "ID": timer })).await?;
        match answer.ttl.as_deref().map(str::parse::<i64>) {
            None => Ok(TimeLeft::Seconds(0)),
            Some(Ok(left)) => Ok(u64::try_from(left).map_or(TimeLeft::Gone, TimeLeft::Seconds)),
            Some(Err(_)) => Err(EtcdError::Strange { what: "a time that is no number".into() }),
        }
    }

    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        path: &str,
        request: &Value,
    ) -> Result<A, EtcdError> {
        let body = Bytes::from(request.to_string());
        let token = self.token().await?;
        let answered = self.ask(path, token.as_deref(), body.clone()).await;
        match answered {
            Err(error) if token.is_some() && error.wants_another_token() => {
                self.keep(None);
                let token = self.token().await?;
                self.ask(path, token.as_deref(), body).await
            }
            answered => answered,
        }
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&Secret>,
        body: Bytes,
    ) -> Result<A, EtcdError> {
        let Answer { member, status, body } = self.lines.post(path, token.map(Secret::reveal), body).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| EtcdError::Strange {
                what: format!("{member} answered {path} with something else than etcd does"),
            });
        }
        Err(EtcdError::Refused { member, message: said(status, &body), status: status.as_u16() })
    }

    async fn token(&self) -> Result<Option<Arc<Secret>>, EtcdError> {
        #[derive(Deserialize)]
        struct Authenticated {
            token: String,
        }
        let Some((user, password)) = &self.user else { return Ok(None) };
        let kept = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if kept.is_some() {
            return Ok(kept);
        }
        let request = json!({ "name": user, "password": password.reveal() });
        let body = Bytes::from(request.to_string());
        let given: Authenticated = self.ask("/v3/auth/authenticate", None, body).await?;
        let token = Some(Arc::new(Secret::new(given.token)));
        self.keep(token.clone());
        Ok(token)
    }

    fn keep(&self, token: Option<Arc<Secret>>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// etcd's own words, or the first line of whoever answered in its place.
fn said(status: StatusCode, body: &[u8]) -> String {
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body)
        && let Some(message) = fields.get("message").or_else(|| fields.get("error"))
        && let Some(message) = message.as_str()
    {
        return message.to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
    if line.is_empty() { status.to_string() } else { line }
}
