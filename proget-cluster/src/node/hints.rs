//! What a node makes of hints, and when it gives them. Each only brings forward a look that would have come
//! anyway: nothing here is needed for anything to be right.

use crate::election::{Election, ElectionError, Holding, Lease, RunningElector};
use crate::membership::{Heart, Pulse};
use crate::messenger::{Hint, Messenger, Topic, Topics};
use async_trait::async_trait;
use futures::StreamExt as _;
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A register of leases; whoever gives a role back through it lets the others know.
#[derive(Debug)]
pub(super) struct ToldElection {
    pub(super) election: Arc<dyn Election>,
    pub(super) messenger: Arc<dyn Messenger>,
}

#[async_trait]
impl Election for ToldElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        self.election.acquire(me, role, floor, lease).await
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        self.election.renew(me, held, lease).await
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        let outcome = self.election.resign(me, held).await;
        self.messenger.hint(Hint::RoleChanged);
        outcome
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        self.election.look(roles).await
    }
}

/// Brings looks forward for as long as hints come.
pub(super) async fn heed(
    messenger: Arc<dyn Messenger>,
    heart: Arc<Heart>,
    elector: Arc<RunningElector>,
    settings: Arc<Notify>,
) {
    let mut hints = messenger.hints(Topics::of(&[Topic::Settings, Topic::Roster, Topic::Roles]));
    while let Some(hint) = hints.next().await {
        match hint {
            Hint::SettingsChanged => settings.notify_one(),
            Hint::RosterChanged => heart.beat_now(),
            Hint::RoleChanged => elector.hint(),
            // Not asked for.
            Hint::FeedChanged(_) | Hint::JobsWaiting => {}
        }
    }
}

/// Keeps a list of peers true to the roster, until the heart stops: the addresses that other processes
/// publish, but for those that are lost or were removed.
pub async fn keep_calling(
    mut pulse: watch::Receiver<Pulse>,
    me: Incarnation,
    lost: Duration,
    peers: watch::Sender<Vec<String>>,
) {
    loop {
        let roster = pulse.borrow_and_update().roster.clone();
        let here = roster.members.iter().filter(|member| {
            let silent = member.beats.iter().map(|(_, silent)| *silent).min();
            member.card.incarnation != me && silent.is_some_and(|silent| silent < lost)
        });
        let wanted: Vec<String> = here.filter_map(|member| member.card.messenger.clone()).collect();
        peers.send_if_modified(|known| {
            let other = *known != wanted;
            *known = wanted;
            other
        });
        if pulse.changed().await.is_err() {
            return;
        }
    }
}
