//! The task of a running node that compares, after each beat and each hint, what the instance wants
//! with what the node does, and closes the difference.

use super::duty::{Duty, Situation};
use super::life::{Drain, Known, NodeParts, has_another_store, lacks_key, read};
use super::overview::shares_register;
use crate::election::{RunningElector, Timing};
use crate::membership::{Component, Heart, HeartBeat, Phase, Pulse};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Compares what is wanted with what is, and closes the difference.
pub(super) struct Tending {
    pub(super) parts: NodeParts,
    pub(super) heart: Arc<Heart>,
    pub(super) elector: Arc<RunningElector>,
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) drain: Arc<watch::Sender<Drain>>,
    pub(super) duty: watch::Sender<Duty>,
    /// Settings may have changed.
    pub(super) settings: Arc<Notify>,
}

impl Tending {
    pub(super) async fn run(self) {
        let (mut pulse, mut drains) = (self.heart.pulse(), self.drain.subscribe());
        loop {
            self.look().await;
            self.know_register(&pulse).await;
            let now = pulse.borrow().clone();
            self.apply(&now);
            tokio::select! {
                changed = pulse.changed() => if changed.is_err() { return },
                changed = drains.changed() => if changed.is_err() { return },
                () = self.settings.notified() => {}
            }
        }
    }

    /// Reads what the instance wants, if it wants something else than before.
    async fn look(&self) {
        let revision = match self.parts.catalog.revision().await {
            Ok(revision) => revision,
            // Beats are missed then too, and readiness goes off by that.
            Err(_) => return,
        };
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).row.revision == revision {
            return;
        }
        match read(&*self.parts.catalog).await {
            Ok(now) => {
                for problem in &now.settings.unreadable {
                    tracing::warn!(problem, "a setting of the cluster is passed over");
                }
                let timing = now.settings.timing;
                self.heart.retime(HeartBeat { every: timing.beat, call: timing.call });
                self.elector.retime(timing);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = now;
            }
            Err(error) => {
                let cause = proget_core::problem::chain(&error);
                tracing::warn!(cause, "the cluster's settings have changed and cannot be read");
            }
        }
    }

    /// Whoever does not campaign, or must not, has nobody else who asks which register this is.
    async fn know_register(&self, pulse: &watch::Receiver<Pulse>) {
        let election = &self.parts.election;
        let timing = self.known.lock().unwrap_or_else(PoisonError::into_inner).settings.timing;
        let odd = {
            let (me, pulse) = (self.heart.card().incarnation, pulse.borrow());
            has_another_register(&pulse, me, &timing).is_some()
        };
        if odd || election.register().is_none() {
            // What comes of it is seen below; a register that is away is for those to tell who need it.
            let _ = timeout(timing.call, election.look(&[Role::PRIMARY])).await;
        }
    }

    fn apply(&self, pulse: &Pulse) {
        let card = self.heart.card();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let wanted = known.settings.drains(&card.name, card.incarnation);
        self.drain.send_if_modified(|drain| std::mem::replace(&mut drain.wanted, wanted) != wanted);
        let draining = self.drain.borrow().any();
        let unfit = lacks_key(&card.keys, known.settings.sealing_key.as_deref())
            .or_else(|| has_another_store(pulse, card.incarnation, &known.settings.timing))
            .or_else(|| has_another_register(pulse, card.incarnation, &known.settings.timing));
        let situation = Situation {
            has_service: card.components.contains(&Component::Service),
            wish: known.settings.service(&card.name),
            me: card.name,
            mode: known.row.mode,
            service_node: known.row.service_node,
            draining,
            removed: pulse.removed,
            unfit,
        };
        let duty = situation.duty();
        let said = match &duty {
            Duty::Running => "running".to_owned(),
            Duty::Idle(why) => why.to_string(),
        };
        self.heart.edit(|card| {
            card.service = said;
            card.register = self.parts.election.register();
            card.phase = match (card.phase, draining) {
                (Phase::Serving, true) => Phase::Draining,
                (Phase::Draining, false) => Phase::Serving,
                (phase, _) => phase,
            };
        });
        let changed = self.duty.send_if_modified(|known| {
            let changed = *known != duty;
            known.clone_from(&duty);
            changed
        });
        if !changed {
            return;
        }
        match duty {
            Duty::Running => {
                tracing::info!("the Service of this node runs");
                self.elector.stand();
            }
            Duty::Idle(why) => {
                tracing::info!(%why, "the Service of this node is idle");
                // While draining, whoever drains resigns when the work has ended.
                if !draining {
                    self.elector.withdraw();
                }
            }
        }
        self.heart.beat_now();
    }
}

/// Why a process that keeps roles elsewhere cannot do background work: there would be two of each, and they
/// would take turns in refusing each other's fences.
fn has_another_register(pulse: &Pulse, me: Incarnation, timing: &Timing) -> Option<&'static str> {
    let shares = shares_register(pulse.roster.member(me)?, &pulse.roster, timing);
    (shares == Some(false)).then_some("the server keeps its roles in another register than the others")
}
