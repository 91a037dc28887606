//! The suite on this crate's own rosters, and the suite on liars.

use super::conformance::{Broken, Register, membership, membership_broken, memory_register, sql_register};
use super::{Beaten, JoinRules, Membership, MembershipError, NodeCard, Removal, Roster};
use crate::schema;
use crate::sql::ClusterDatabase;
use async_trait::async_trait;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use sea_orm::SqlxSqliteConnector;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_roster_in_memory_keeps_its_promises() {
    membership(async || memory_register()).await;
}

#[tokio::test]
async fn a_roster_in_sqlite_keeps_its_promises() {
    // Not in memory: such a database goes with its connection, which a call that is left may cost.
    let folder = tempfile::tempdir().unwrap();
    let connect = move || {
        let file = folder.path().join("roster.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(options))
    };
    let database = Arc::new(ClusterDatabase::new(Arc::new(connect), Duration::from_secs(10)));
    schema::create(&database).await.unwrap();
    schema::create(&database).await.expect("the tables may be there already");
    membership(async || sql_register(std::slice::from_ref(&database)).await).await;
}

/// What a roster might get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    BeatsInsert,
    NamesAreFree,
    EverybodyMayBeRemoved,
    LeavingTakesTheName,
    NothingIsForgotten,
    BeatsDoNotCount,
}

#[derive(Debug)]
struct Liar {
    honest: Arc<dyn Membership>,
    lie: Lie,
}

#[async_trait]
impl Membership for Liar {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        let abandoned_after = match self.lie {
            Lie::NamesAreFree => Duration::ZERO,
            _ => rules.abandoned_after,
        };
        self.honest.join(card, JoinRules { abandoned_after, ..rules }).await
    }

    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        if self.lie == Lie::BeatsDoNotCount {
            let roster = self.honest.roster().await?;
            return Ok(Beaten { seated: roster.member(card.incarnation).is_some(), at: None });
        }
        let beaten = self.honest.beat(card).await?;
        if self.lie == Lie::BeatsInsert && !beaten.seated {
            let rules = JoinRules { max_servers: None, abandoned_after: Duration::ZERO };
            self.honest.join(card, rules).await?;
            return Ok(Beaten { seated: true, ..beaten });
        }
        Ok(beaten)
    }

    async fn roster(&self) -> Result<Roster, MembershipError> {
        self.honest.roster().await
    }

    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        if self.lie == Lie::LeavingTakesTheName {
            return match self.honest.remove(name, Removal::Forced).await {
                Ok(_) | Err(MembershipError::Absent(_)) => Ok(()),
                Err(error) => Err(error),
            };
        }
        self.honest.leave(name, incarnation).await
    }

    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        let removal = if self.lie == Lie::EverybodyMayBeRemoved { Removal::Forced } else { removal };
        self.honest.remove(name, removal).await
    }

    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        if self.lie == Lie::NothingIsForgotten {
            Ok(Vec::new())
        } else {
            self.honest.forget(silent_for).await
        }
    }
}

#[tokio::test]
async fn the_suite_catches_rosters_that_lie() {
    for (lie, caught_by) in [
        (Lie::BeatsInsert, "a_removed_process_does_not_come_back_by_beating"),
        (Lie::NamesAreFree, "another_process_with_a_beating_nodes_name_is_refused"),
        (Lie::EverybodyMayBeRemoved, "a_node_that_beats_is_removed_only_by_force"),
        (Lie::LeavingTakesTheName, "a_late_leave_takes_nothing_from_a_successor"),
        (Lie::NothingIsForgotten, "those_of_whom_nothing_was_heard_are_forgotten_and_no_others"),
        (Lie::BeatsDoNotCount, "a_beat_says_what_the_card_says_now_and_makes_the_process_young_again"),
    ] {
        let fresh = async || {
            let honest = memory_register();
            let liar = Liar { honest: honest.memberships[0].clone(), lie };
            Register { memberships: vec![Arc::new(liar)], ..honest }
        };
        let broken: Vec<&str> =
            membership_broken(fresh).await.iter().map(|Broken { case, .. }| *case).collect();
        assert!(broken.contains(&caught_by), "{lie:?} was caught by {broken:?}");
    }
}
