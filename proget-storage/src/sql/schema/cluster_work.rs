//! Step 4: what a cluster decides and does: mode and settings of the instance, jobs, schedules.
//!
//! Mode and revision have a table of their own, because MySQL cannot add a column only if it is
//! missing; its one row is also what whoever changes the instance locks. Builds that do not know
//! these tables work beside them: they run no jobs.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use super::{Fill, Step};
use proget_core::ids::Stamp;

pub(super) const STEP: Step =
    Step { number: 4, name: "cluster-work", oldest: 3, statements: |_| STATEMENTS, fill: Fill::ClusterRow };

const STATEMENTS: &[&str] = &[
    // One row.
    "CREATE TABLE IF NOT EXISTS cluster_mode (
        id BIGINT NOT NULL PRIMARY KEY,
        mode BIGINT NOT NULL,
        service_node {key},
        revision {uuid} NOT NULL
    ) {table}",
    "CREATE TABLE IF NOT EXISTS settings (
        name {words} NOT NULL PRIMARY KEY,
        value {text} NOT NULL
    ) {table}",
    // `waiting` is the job's key while it waits, was never claimed and no schedule wanted it, and nothing
    // afterwards: so there is at most one of each kind and key, for NULLs never collide. `held_until`
    // is there for as long as there is a claim. The long columns come last.
    "CREATE TABLE IF NOT EXISTS jobs (
        id {id},
        kind {key} NOT NULL,
        job_key {words} NOT NULL,
        waiting {words},
        state BIGINT NOT NULL,
        due BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        enqueued BIGINT NOT NULL,
        held_until BIGINT,
        token {uuid},
        node {key},
        holder {uuid},
        cancel BIGINT NOT NULL,
        finished BIGINT,
        schedule {words},
        occurrence BIGINT,
        progress {text} NOT NULL,
        outcome {text},
        input {text} NOT NULL,
        UNIQUE (kind, waiting),
        UNIQUE (schedule, occurrence)
    ) {table}",
    // For those who look for work: jobs that are over are not even passed by.
    "CREATE INDEX jobs_by_due ON jobs (state, due, id)",
    // For people, who want the newest first.
    "CREATE INDEX jobs_by_state ON jobs (state, id)",
    "CREATE INDEX jobs_by_end ON jobs (finished)",
    "CREATE TABLE IF NOT EXISTS job_lines (
        job_id BIGINT NOT NULL,
        number BIGINT NOT NULL,
        since BIGINT NOT NULL,
        line {text} NOT NULL,
        PRIMARY KEY (job_id, number),
        FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
    ) {table}",
    "CREATE TABLE IF NOT EXISTS schedules (
        name {words} NOT NULL PRIMARY KEY,
        cron {text} NOT NULL,
        kind {key} NOT NULL,
        job_key {words} NOT NULL,
        input {text} NOT NULL,
        enabled BIGINT NOT NULL,
        last BIGINT NOT NULL
    ) {table}",
];

/// The one row.
pub(super) async fn fill(session: &Session) -> Result<(), Fault> {
    let sql = "INSERT INTO cluster_mode (id, mode, revision) VALUES (1, 0, ?) {keep id}";
    session.exec(sql, values![Stamp::random().0]).await?;
    Ok(())
}
