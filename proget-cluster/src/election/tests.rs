//! The suite on this crate's own registers, and the suite on liars.

use super::conformance::{Broken, Register, election, election_broken, memory_register, sql_register};
use super::{Election, ElectionError, Holding, Lease, SqlElection};
use crate::schema;
use crate::sql::{ClusterDatabase, values};
use async_trait::async_trait;
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use sea_orm::SqlxSqliteConnector;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn leases_in_memory_keep_their_promises() {
    election(async || memory_register()).await;
}

/// A database with its tables, in a file that goes with it. (One in memory would go with its connection,
/// and a driver throws that away when a call is left at the wrong moment.)
async fn sqlite() -> Arc<ClusterDatabase> {
    let folder = tempfile::tempdir().unwrap();
    let connect = move || {
        let file = folder.path().join("leases.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(options))
    };
    let database = Arc::new(ClusterDatabase::new(Arc::new(connect), Duration::from_secs(10)));
    schema::create(&database).await.unwrap();
    database
}

#[tokio::test]
async fn leases_in_sqlite_keep_their_promises() {
    let database = sqlite().await;
    election(async || sql_register(std::slice::from_ref(&database)).await).await;
}

#[tokio::test]
async fn rows_that_are_gone_because_the_database_was_restored_are_made_again() {
    let (database, me) = (sqlite().await, Incarnation::random());
    let lease = Duration::from_secs(60);
    let election = SqlElection::new(database.clone());
    let term = election.acquire(me, Role::SWEEPER, 0, lease).await.unwrap().unwrap();
    database.exec("DELETE FROM leases", values![]).await.unwrap();
    let held = Holding { role: Role::SWEEPER, term };
    assert!(election.renew(me, &[held], lease).await.unwrap().is_empty());
    let found = election.look(&[Role::SWEEPER]).await.unwrap();
    assert_eq!((found[0].term, found[0].left), (0, None));
    database.exec("DELETE FROM leases", values![]).await.unwrap();
    let again = election.acquire(me, Role::SWEEPER, term, lease).await.unwrap();
    assert_eq!(again, Some(term + 1));
}

#[tokio::test]
async fn leases_in_sqlite_run_out_as_time_passes_by_the_clock_of_the_database() {
    let election = SqlElection::new(sqlite().await);
    let (first, second) = (Incarnation::random(), Incarnation::random());
    let lease = Duration::from_millis(300);
    let begun = std::time::Instant::now();
    let term = election.acquire(first, Role::SWEEPER, 0, lease).await.unwrap().unwrap();
    let next = loop {
        match election.acquire(second, Role::SWEEPER, 0, lease).await.unwrap() {
            Some(next) => break next,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not run out");
    };
    // Milliseconds are cut off on both sides.
    assert!(begun.elapsed() + Duration::from_millis(2) >= lease, "after {:?}", begun.elapsed());
    assert_eq!(next, term + 1);
}

/// What a register might get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    GrantsWhatIsHeld,
    GrantsToItsHolder,
    ChecksThenGrants,
    ReusesTerms,
    ForgetsTheFloor,
    RenewsWhatRanOut,
    RenewsOlderTerms,
    RenewsInWordsOnly,
    SaysAllWereRenewed,
    ResignsForAnybody,
    ResignsLater,
    ShowsAllAsFree,
    ShowsInItsOwnOrder,
}

#[derive(Debug)]
struct Liar {
    honest: Arc<dyn Election>,
    lie: Lie,
}

impl Liar {
    async fn now(&self, role: Role) -> Result<Lease, ElectionError> {
        Ok(self.honest.look(&[role]).await?.remove(0))
    }
}

#[async_trait]
impl Election for Liar {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        let before = self.now(role).await?;
        match self.lie {
            Lie::ForgetsTheFloor => return self.honest.acquire(me, role, 0, lease).await,
            Lie::GrantsToItsHolder if before.holder == Some(me) && before.left.is_some() => {
                return Ok(Some(before.term));
            }
            Lie::ChecksThenGrants if before.left.is_none() => {
                tokio::task::yield_now().await;
                let granted = self.honest.acquire(me, role, floor, lease).await?;
                return Ok(granted.or(Some(self.now(role).await?.term)));
            }
            _ => {}
        }
        let granted = self.honest.acquire(me, role, floor, lease).await?;
        Ok(match self.lie {
            Lie::GrantsWhatIsHeld => granted.or(Some(before.term + 1)),
            Lie::ReusesTerms => granted.map(|term| if before.term > 0 { before.term } else { term }),
            _ => granted,
        })
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        match self.lie {
            Lie::RenewsWhatRanOut => {
                let prolonged = self.honest.renew(me, held, lease).await?;
                let mut all = prolonged;
                for one in held {
                    let now = self.now(one.role).await?;
                    if !all.contains(one) && now.holder == Some(me) && now.term == one.term {
                        all.push(*one);
                    }
                }
                Ok(all)
            }
            Lie::RenewsOlderTerms => {
                let mut prolonged = Vec::new();
                for one in held {
                    let term = self.now(one.role).await?.term.max(one.term);
                    let newest = Holding { term, ..*one };
                    if !self.honest.renew(me, &[newest], lease).await?.is_empty() {
                        prolonged.push(*one);
                    }
                }
                Ok(prolonged)
            }
            Lie::RenewsInWordsOnly => {
                let mut prolonged = Vec::new();
                for one in held {
                    let now = self.now(one.role).await?;
                    if now.holder == Some(me) && now.term == one.term && now.left.is_some() {
                        prolonged.push(*one);
                    }
                }
                Ok(prolonged)
            }
            Lie::SaysAllWereRenewed => {
                let prolonged = self.honest.renew(me, held, lease).await?;
                Ok(if prolonged.is_empty() { prolonged } else { held.to_vec() })
            }
            _ => self.honest.renew(me, held, lease).await,
        }
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        match self.lie {
            Lie::ResignsForAnybody => {
                let now = self.now(held.role).await?;
                let holder = now.holder.unwrap_or(me);
                self.honest.resign(holder, Holding { role: held.role, term: now.term }).await
            }
            Lie::ResignsLater => Ok(()),
            _ => self.honest.resign(me, held).await,
        }
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        let mut leases = self.honest.look(roles).await?;
        match self.lie {
            Lie::ShowsAllAsFree => leases.iter_mut().for_each(|lease| lease.left = None),
            Lie::ShowsInItsOwnOrder => leases.sort_by_key(|lease| lease.role),
            _ => {}
        }
        Ok(leases)
    }
}

#[tokio::test]
async fn the_suite_catches_registers_that_lie() {
    for (lie, caught_by) in [
        (Lie::GrantsWhatIsHeld, "a_role_is_not_granted_to_anybody_while_it_is_held"),
        (Lie::GrantsToItsHolder, "a_role_is_not_granted_to_anybody_while_it_is_held"),
        (Lie::ChecksThenGrants, "of_many_who_ask_for_a_free_role_one_gets_it"),
        (Lie::ReusesTerms, "a_lease_that_has_run_out_is_granted_to_another_with_a_later_term"),
        (Lie::ForgetsTheFloor, "a_new_term_is_above_the_floor_and_a_low_floor_changes_nothing"),
        (Lie::RenewsWhatRanOut, "what_has_run_out_is_not_renewed_also_if_nobody_took_it"),
        (Lie::RenewsOlderTerms, "a_holding_is_renewed_only_by_its_holder_and_under_its_own_term"),
        (Lie::RenewsInWordsOnly, "a_renewal_counts_from_the_moment_it_is_made"),
        (Lie::SaysAllWereRenewed, "of_several_holdings_those_that_stand_are_renewed_and_said_to_be"),
        (Lie::ResignsForAnybody, "nobody_gives_back_what_another_holds"),
        (Lie::ResignsLater, "a_role_that_was_given_back_is_free_at_once_and_keeps_its_term"),
        (Lie::ShowsAllAsFree, "a_role_that_was_granted_is_not_free_and_shows_who_has_it"),
        (Lie::ShowsInItsOwnOrder, "roles_are_shown_in_the_order_of_the_question"),
    ] {
        let fresh = async || {
            let honest = memory_register();
            let liar = Liar { honest: honest.elections[0].clone(), lie };
            Register { elections: vec![Arc::new(liar)], ..honest }
        };
        let broken: Vec<&str> =
            election_broken(fresh).await.iter().map(|Broken { case, .. }| *case).collect();
        assert!(broken.contains(&caught_by), "{lie:?} was caught by {broken:?}");
    }
}
