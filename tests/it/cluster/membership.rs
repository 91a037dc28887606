//! Rosters on PostgreSQL and MariaDB.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use proget_cluster::membership::conformance::{self, sql_register};
use proget_cluster::membership::{
    Component, JoinRules, Membership as _, MembershipError, NodeCard, SqlMembership,
};
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use proget_tests::{MariaDb, Outcome, Postgres, SOON, eventually};

use super::ways::{PATIENT, ways};
use crate::catalog::proxy::{Mood, Proxy};

const RULES: JoinRules = JoinRules { max_servers: None, abandoned_after: Duration::from_secs(60) };

fn card(name: &str) -> Outcome<NodeCard> {
    Ok(NodeCard::bare(NodeName::new(name)?, Incarnation::random(), Component::ALL))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_in_postgres_keeps_its_promises() -> Outcome {
    let ways = ways(&Postgres::fresh_database().await?.url, 4).await?;
    conformance::membership(async || sql_register(&ways).await).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_in_mariadb_keeps_its_promises() -> Outcome {
    let ways = ways(&MariaDb::fresh_database().await?.url, 4).await?;
    conformance::membership(async || sql_register(&ways).await).await;
    Ok(())
}

/// Silence is measured by the database: it grows while nobody beats, and by as much as time passes.
async fn silence_grows_as_time_passes(url: &str) -> Outcome {
    let roster = SqlMembership::new(ways(url, 1).await?.remove(0));
    let me = card("a")?;
    let before = Instant::now();
    roster.join(&me, RULES).await?;
    let joined = Instant::now();
    let silent = async || {
        let seen = roster.roster().await?;
        let member = seen.member(me.incarnation).context("the process is not in the roster")?;
        Outcome::Ok(member.silent_for())
    };
    // Milliseconds are cut off on both sides.
    let rounding = Duration::from_millis(2);
    while joined.elapsed() < Duration::from_millis(400) {
        let earliest = joined.elapsed();
        let silent = silent().await?;
        let latest = before.elapsed();
        ensure!(
            silent + rounding >= earliest && silent <= latest + rounding,
            "{silent:?} is not between {earliest:?} and {latest:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = Instant::now();
    ensure!(roster.beat(&me).await?.seated);
    let (silent, latest) = (silent().await?, before.elapsed());
    ensure!(silent <= latest + rounding, "{silent:?} is above {latest:?}: the beat did not count");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_measured_by_postgres() -> Outcome {
    silence_grows_as_time_passes(&Postgres::fresh_database().await?.url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_measured_by_mariadb() -> Outcome {
    silence_grows_as_time_passes(&MariaDb::fresh_database().await?.url).await
}

/// A beat without an answer is no lost seat.
fn is_unanswered<T>(outcome: &Result<T, MembershipError>) -> bool {
    matches!(outcome, Err(MembershipError::Unanswered { .. }))
}

/// The first beat that is answered after the database is back finds the seat as it was.
async fn the_seat_is_kept(roster: &Arc<SqlMembership>, me: &NodeCard) -> Outcome {
    eventually("a beat is answered again", SOON, || async {
        let beaten = roster.beat(me).await?;
        ensure!(beaten.seated, "the seat is gone");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_outlives_a_postgres_that_was_killed() -> Outcome {
    let mut server = Postgres::start().await?;
    let roster = Arc::new(SqlMembership::new(ways(&server.database().await?.url, 1).await?.remove(0)));
    let me = card("a")?;
    roster.join(&me, RULES).await?;
    server.kill().await?;
    let outcome = roster.beat(&me).await;
    ensure!(is_unanswered(&outcome), "{outcome:?}");
    server.resume().await?;
    the_seat_is_kept(&roster, &me).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_outlives_a_mariadb_that_was_killed() -> Outcome {
    let mut server = MariaDb::start().await?;
    let roster = Arc::new(SqlMembership::new(ways(&server.database().await?.url, 1).await?.remove(0)));
    let me = card("a")?;
    roster.join(&me, RULES).await?;
    server.kill().await?;
    let outcome = roster.beat(&me).await;
    ensure!(is_unanswered(&outcome), "{outcome:?}");
    server.resume().await?;
    the_seat_is_kept(&roster, &me).await
}

/// The heart has less patience than its way to the database. If a call that it left did not cost the
/// connection, nobody would ever notice that this one hangs, and the node would be lost for good.
async fn a_connection_that_hangs_is_replaced_also_if_the_caller_left(url: &str) -> Outcome {
    let proxy = Proxy::before(url).await?;
    let roster = Arc::new(SqlMembership::new(ways(&proxy.url, 1).await?.remove(0)));
    let me = card("a")?;
    roster.join(&me, RULES).await?;
    proxy.set(Mood::Swallow);
    let left = tokio::time::timeout(Duration::from_millis(300), roster.beat(&me)).await;
    ensure!(left.is_err(), "a database that was cut off answered: {left:?}");
    proxy.set(Mood::Fair);
    let begun = Instant::now();
    the_seat_is_kept(&roster, &me).await?;
    // With the old connection this takes all of the patience.
    ensure!(begun.elapsed() < PATIENT, "it took {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_connection_to_postgres_is_replaced_also_if_the_caller_left() -> Outcome {
    a_connection_that_hangs_is_replaced_also_if_the_caller_left(&Postgres::fresh_database().await?.url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_connection_to_mariadb_is_replaced_also_if_the_caller_left() -> Outcome {
    a_connection_that_hangs_is_replaced_also_if_the_caller_left(&MariaDb::fresh_database().await?.url).await
}
