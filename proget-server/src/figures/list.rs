//! The one list of figures: names, labels and sentences. What `/metrics` says of each, and the table in
//! `docs/METRICS.md`, are made from it; a test holds both against a running server.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a figure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It grows from 0 since the process began.
    Counter,
    /// It is what it is at the moment.
    Gauge,
    /// How often, and how long.
    Histogram,
}

/// A figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) kind: Kind,
    /// Its labels, with their values where these are few.
    pub(crate) labels: &'static [&'static str],
    /// One sentence.
    pub(crate) about: &'static str,
}

macro_rules! figures {
    ($($constant:ident: $name:literal, $kind:ident, [$($label:literal),*], $about:literal;)*) => {
        $(#[doc = $about] pub(crate) const $constant: &str = $name;)*

        /// Every figure.
        pub(crate) const FIGURES: &[Figure] =
            &[$(Figure { name: $name, kind: Kind::$kind, labels: &[$($label),*], about: $about }),*];
    };
}

figures! {
    HTTP_REQUESTS: "http_requests_total", Counter, ["feed_type", "outcome"],
        "requests";
    HTTP_REQUEST: "http_request_seconds", Histogram, ["feed_type"],
        "from a request's head to its answer's head";
    HTTP_CONNECTIONS: "http_connections", Gauge, [],
        "open connections";
    STALE_ANSWERS: "http_stale_answers_total", Counter, ["outcome=answered|refused"],
        "reads while the database was out of reach: answered from memory, or refused with 503";
    CATALOG_CALLS: "catalog_calls_total", Counter, ["call", "outcome=ok|refused|fenced|unavailable|failed"],
        "calls to the catalogue";
    CATALOG_CALL: "catalog_call_seconds", Histogram, ["call"],
        "how long calls to the catalogue took";
    STORE_CALLS: "store_calls_total", Counter, ["call", "outcome=ok|refused|unavailable|failed"],
        "calls to package stores";
    STORE_CALL: "store_call_seconds", Histogram, ["call"],
        "how long calls to package stores took";
    STORE_PUT: "store_put_bytes_total", Counter, [],
        "bytes put into package stores";
    STORE_GET: "store_get_bytes_total", Counter, [],
        "bytes asked of package stores";
    NODES: "cluster_nodes", Gauge, ["standing=fresh|late|lost"],
        "processes in the roster";
    COMPONENTS: "cluster_components", Gauge, ["component=web|service", "standing=fresh|late|lost"],
        "components in the roster, each by its own beats";
    ROLE_HELD: "cluster_role_held", Gauge, ["role"],
        "1 if this server holds the role and may act on it, else 0";
    ROLE_TERM: "cluster_role_term", Gauge, ["role"],
        "the number of this server's last holding of the role";
    ROLE_LEFT: "cluster_role_left_seconds", Gauge, ["role"],
        "for how long this server may still act on the role without a renewal; 0 if it does not hold it";
    BEAT: "cluster_beat_seconds", Gauge, [],
        "how long the last answered beat took";
    MISSED: "cluster_beats_missed", Gauge, [],
        "beats in a row that were not answered";
    SKEW: "cluster_clock_skew_seconds", Gauge, [],
        "how far this machine's clock is ahead of the database's";
    LEASE_CALLS: "cluster_lease_calls_total", Counter, ["call=acquire|renew|resign|look", "outcome=ok|failed"],
        "calls to the register of leases";
    LEASE_CALL: "cluster_lease_call_seconds", Histogram, ["call=acquire|renew|resign|look"],
        "how long calls to the register of leases took";
    HINTS: "cluster_hints_total", Counter, ["direction=sent|heard"],
        "hints to and from other servers, over TCP";
    PEERS: "cluster_messenger_peers", Gauge, ["link=calling|connected|away|other_key"],
        "other servers in the roster, by whether hints reach them";
    FENCED: "cluster_fenced_refusals_total", Counter, [],
        "commits that were refused because a newer term of their role has been planted";
    CLAIMS: "cluster_job_claims_total", Counter,
        ["kind", "outcome=claimed|done|failed|cancelled|given_back|lost"],
        "claims of jobs that this server made, and how they ended";
    JOBS_RUNNING: "cluster_jobs_running", Gauge, ["kind"],
        "jobs that this server is at";
    JOBS_WAITING: "cluster_jobs_waiting", Gauge, [],
        "jobs of the whole cluster that wait, counted every 15 s by the primary and up to 1000; 0 elsewhere";
}

impl Figure {
    /// What `/metrics` says of it.
    fn help(&self) -> String {
        let names: Vec<&str> = self.labels.iter().filter_map(|label| label.split('=').next()).collect();
        if names.is_empty() {
            self.about.to_owned()
        } else {
            format!("{}, by {}", self.about, names.join(" and "))
        }
    }
}

/// Tells the recorder what each figure is; needed once per recorder, harmless more often.
pub(crate) fn describe() {
    for figure in FIGURES {
        let (name, help) = (figure.name, figure.help());
        let unit = if name.contains("_seconds") {
            Unit::Seconds
        } else if name.contains("_bytes") {
            Unit::Bytes
        } else {
            Unit::Count
        };
        match figure.kind {
            Kind::Counter => describe_counter!(name, unit, help),
            Kind::Gauge => describe_gauge!(name, unit, help),
            Kind::Histogram => describe_histogram!(name, unit, help),
        }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
