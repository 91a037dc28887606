//! What a program may do to a schema that older ones work on beside it.
//!
//! A step that expands is carried out whoever is here. One after which an older program could not go
//! on is carried out only when no such program is: the roster tells, before anything is begun. Two
//! programs that look at the same moment are not kept apart here; an older one that slips in finds
//! out by itself, because every sign of life it asks the database for says whether it still fits.
//!
//! The steps of "the release after this one" exist for tests only, and no shipped program can have any.

#[cfg(feature = "cli")]
use crate::cluster::schema_steps;
#[cfg(feature = "cli")]
use proget_cluster::membership::{Membership as _, MembershipError, SqlMembership};
#[cfg(feature = "cli")]
use proget_cluster::sql::ClusterDatabase;
#[cfg(feature = "cli")]
use proget_core::cluster::NodeName;
use proget_storage::sql::LaterStep;
#[cfg(feature = "cli")]
use proget_storage::sql::{OpenError, SqlCatalog, SqlOptions, StepStatus};
use std::sync::OnceLock;
#[cfg(feature = "cli")]
use std::{sync::Arc, time::Duration};

/// Whoever beat so recently may still be at work; longer than any timings let a node be silent.
#[cfg(feature = "cli")]
const PRESENT: Duration = Duration::from_secs(60);

/// The longest that reading the roster may take.
#[cfg(feature = "cli")]
const CALL: Duration = Duration::from_secs(5);

static LATER: OnceLock<Vec<LaterStep>> = OnceLock::new();

/// Makes this process a program of the next release, as far as its schema goes; for test programs.
#[cfg(feature = "testing")]
pub fn be_a_later_release(steps: Vec<LaterStep>) {
    // Who says so twice is the release that was said first.
    let _ = LATER.set(steps);
}

fn later() -> &'static [LaterStep] {
    LATER.get().map_or(&[], Vec::as_slice)
}

/// The oldest and the newest schema that this program works on.
pub(crate) fn schemas() -> [i64; 2] {
    proget_storage::sql::schemas_with(later())
}

/// What all programs ask of the schema, in options for opening it.
#[cfg(feature = "cli")]
pub(crate) fn wanted_steps() -> SqlOptions {
    SqlOptions { also: schema_steps(), later: later().to_vec(), ..SqlOptions::default() }
}

/// Why the schema is not changed now.
#[cfg(feature = "cli")]
#[derive(Debug, thiserror::Error)]
pub(crate) enum Waits {
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The roster cannot be read, so nobody knows who is here.
    #[error("cannot read who is in the cluster, which must be known before its schema is changed")]
    Roster(#[from] MembershipError),
    /// Older programs are at work.
    #[error(
        "the schema is not changed: {} older for step {needed} and would stop working; upgrade it first to a \
         program that knows that step, or stop it and remove it with 'proget cluster remove'",
        names(.older)
    )]
    Older {
        /// On which nodes.
        older: Vec<NodeName>,
        /// The step that they do not know.
        needed: i64,
    },
}

#[cfg(feature = "cli")]
fn names(nodes: &[NodeName]) -> String {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    format!("the program on {} is", nodes.join(", "))
}

/// Demands that nobody who is here would be left behind by the steps that are missing. A former process
/// of this very node is not asked: it makes room.
///
/// # Errors
/// Who would be, in words; or what keeps that from being known.
#[cfg(feature = "cli")]
pub(crate) async fn leave_nobody_behind(
    address: &str,
    options: &SqlOptions,
    this: &NodeName,
) -> Result<(), Waits> {
    if address.starts_with("sqlite:") {
        // It has one process, which is this one or is told so by the lock.
        return Ok(());
    }
    let status = SqlCatalog::status_with(address, options).await?;
    let roster = |step: &StepStatus| {
        step.finished.is_some() && proget_cluster::schema::STEPS.iter().any(|own| own.number == step.number)
    };
    if status.missing.is_empty() || !status.done.iter().any(roster) {
        return Ok(());
    }
    let line = SqlCatalog::line_to(address, options)?;
    let membership = SqlMembership::new(Arc::new(ClusterDatabase::new(line, CALL)));
    let needed = status.will_need;
    let left = |member: &proget_cluster::membership::Member| {
        let present = member.silent_for() < PRESENT && member.card.name != *this;
        present && member.card.schema[1] < needed
    };
    let roster = membership.roster().await?;
    let mut older: Vec<NodeName> =
        roster.members.into_iter().filter(left).map(|member| member.card.name).collect();
    older.dedup();
    if older.is_empty() { Ok(()) } else { Err(Waits::Older { older, needed }) }
}
