//! Figures about the cluster as this node sees it, written after each beat.

use super::ROLES;
use crate::figures::list::{
    BEAT, CLAIMS, COMPONENTS, HINTS, JOBS_RUNNING, JOBS_WAITING, MISSED, NODES, PEERS, ROLE_HELD, ROLE_LEFT,
    ROLE_TERM, SKEW,
};
use metrics::{counter, gauge};
use proget_cluster::membership::{Component, Pulse, Standing};
use proget_cluster::messenger::{LinkStatus, Messenger, MessengerStatus};
use proget_cluster::node::Node;
use proget_cluster::{Running, WorkStatus, WorkTally};
use proget_core::Registry;
use proget_core::catalog::{JobFilter, JobState, PageRequest, Role};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the primary counts jobs that wait.
const COUNT: Duration = Duration::from_secs(15);

/// So many are counted at most.
const MOST: u32 = 1000;

/// Writes the figures again and again until the heart stops.
pub(super) async fn keep_writing(
    node: Arc<Node>,
    messenger: Arc<dyn Messenger>,
    chores: Option<Arc<Running>>,
) {
    let mut pulse = node.pulse();
    let mut told = BTreeMap::new();
    loop {
        let now = pulse.borrow_and_update().clone();
        // Nothing leaves the process: there are no peers, and nothing is counted.
        let hints = messenger.status().unwrap_or_default();
        write(&node, &now, &hints);
        if let Some(work) = chores.as_ref().and_then(|chores| chores.work()) {
            tell_claims(&work, &mut told);
        }
        if pulse.changed().await.is_err() {
            return;
        }
    }
}

/// Counts jobs that wait, wherever the primary is; elsewhere there are none to tell of.
pub(super) async fn keep_counting_jobs(node: Arc<Node>, registry: Arc<Registry>) {
    loop {
        let is_primary = node.role(Role::PRIMARY).is_some_and(|watch| watch.now().is_some());
        if is_primary {
            let waiting = JobFilter { state: Some(JobState::Waiting), kind: None };
            // If the catalogue is away the last count stays; the calls to it are counted elsewhere.
            if let Ok(page) = registry.fresh().read().jobs(&waiting, &PageRequest::first(MOST)).await {
                gauge!(JOBS_WAITING).set(float(page.rows.len() as u64));
            }
        } else {
            gauge!(JOBS_WAITING).set(0.0);
        }
        tokio::time::sleep(COUNT).await;
    }
}

#[allow(clippy::cast_precision_loss)] // Counts stay far below 2^52.
fn float(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss)] // Terms and milliseconds stay far below 2^52.
fn write(node: &Node, pulse: &Pulse, hints: &MessengerStatus) {
    let timing = node.timing();
    for standing in [Standing::Fresh, Standing::Late, Standing::Lost] {
        let here = pulse.roster.members.iter().filter(|member| member.standing(&timing) == standing).count();
        gauge!(NODES, "standing" => standing.as_str()).set(float(here as u64));
        for component in Component::ALL {
            let beats = pulse.roster.members.iter().flat_map(|member| &member.beats);
            let stands = |(of, silent): &&(Component, Duration)| {
                *of == component && Standing::of(*silent, &timing) == standing
            };
            let here = beats.filter(stands).count() as u64;
            gauge!(COMPONENTS, "component" => component.as_str(), "standing" => standing.as_str())
                .set(float(here));
        }
    }
    for role in ROLES {
        let held = node.role(*role).and_then(|watch| watch.now());
        gauge!(ROLE_HELD, "role" => role.0).set(f64::from(u8::from(held.is_some())));
        let left = held.as_ref().map_or(Duration::ZERO, |leadership| leadership.left());
        gauge!(ROLE_LEFT, "role" => role.0).set(left.as_secs_f64());
        let term = gauge!(ROLE_TERM, "role" => role.0);
        match held {
            Some(leadership) => term.set(leadership.term() as f64),
            // What it was stays; the figure is there from the start.
            None => term.increment(0.0),
        }
    }
    gauge!(BEAT).set(pulse.latency.as_secs_f64());
    gauge!(MISSED).set(f64::from(pulse.missed));
    for (direction, count) in [("sent", hints.sent), ("heard", hints.heard)] {
        counter!(HINTS, "direction" => direction).absolute(count);
    }
    for (link, named) in [
        (LinkStatus::Calling, "calling"),
        (LinkStatus::Connected, "connected"),
        (LinkStatus::Away, "away"),
        (LinkStatus::OtherKey, "other_key"),
    ] {
        let peers = hints.peers.iter().filter(|peer| peer.link == link).count() as u64;
        gauge!(PEERS, "link" => named).set(float(peers));
    }
    gauge!(SKEW).set(node.card().skew_ms as f64 / 1000.0);
}

/// Adds what was counted since it was told last.
fn tell_claims(work: &WorkStatus, told: &mut BTreeMap<String, WorkTally>) {
    for (kind, now) in &work.kinds {
        let before = told.insert(kind.clone(), *now).unwrap_or_default();
        for (outcome, more) in [
            ("claimed", now.claimed - before.claimed),
            ("done", now.done - before.done),
            ("failed", now.failed - before.failed),
            ("cancelled", now.cancelled - before.cancelled),
            ("given_back", now.given_back - before.given_back),
            ("lost", now.lost - before.lost),
        ] {
            counter!(CLAIMS, "kind" => kind.clone(), "outcome" => outcome).increment(more);
        }
        let running = work.running.values().filter(|running| *running == kind).count() as u64;
        gauge!(JOBS_RUNNING, "kind" => kind.clone()).set(float(running));
    }
}
