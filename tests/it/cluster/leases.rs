//! Leases on PostgreSQL and MariaDB.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use proget_cluster::election::conformance::{self, sql_register};
use proget_cluster::election::{Election as _, Holding, SqlElection};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use proget_tests::{MariaDb, Outcome, Postgres, SOON, eventually};
use sea_orm::ConnectionTrait as _;

use super::ways::{PATIENT, way, ways};
use crate::catalog::proxy::{Mood, Proxy};

const ROLE: Role = Role::SWEEPER;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// How long a call may take that nobody answers.
const LIMIT: Duration = Duration::from_millis(500);

async fn election(url: &str) -> Outcome<SqlElection> {
    Ok(SqlElection::new(ways(url, 1).await?.remove(0)))
}

async fn take(election: &SqlElection, me: Incarnation, floor: i64) -> Outcome<Holding> {
    let term = election.acquire(me, ROLE, floor, LONG).await?.context("a free role was not granted")?;
    Ok(Holding { role: ROLE, term })
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_in_postgres_keep_their_promises() -> Outcome {
    let ways = ways(&Postgres::fresh_database().await?.url, 4).await?;
    conformance::election(async || sql_register(&ways).await).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_in_mariadb_keep_their_promises() -> Outcome {
    let ways = ways(&MariaDb::fresh_database().await?.url, 4).await?;
    conformance::election(async || sql_register(&ways).await).await;
    Ok(())
}

/// Not earlier than granted, by the clock of the database; and while others renew, not at all.
async fn a_lease_runs_out_as_time_passes(url: &str) -> Outcome {
    let ways = ways(url, 2).await?;
    let (mine, others) = (SqlElection::new(ways[0].clone()), SqlElection::new(ways[1].clone()));
    let (me, other) = (Incarnation::random(), Incarnation::random());
    let lease = Duration::from_millis(400);
    let begun = Instant::now();
    let term = mine.acquire(me, ROLE, 0, lease).await?.context("a free role was not granted")?;
    let next = loop {
        if let Some(next) = others.acquire(other, ROLE, 0, lease).await? {
            break next;
        }
        ensure!(begun.elapsed() < SOON, "it does not run out");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    // Milliseconds are cut off on both sides.
    ensure!(begun.elapsed() + Duration::from_millis(2) >= lease, "after {:?}", begun.elapsed());
    ensure!(next == term + 1, "{next} after {term}");
    ensure!(mine.renew(me, &[Holding { role: ROLE, term }], lease).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_runs_out_by_the_clock_of_postgres() -> Outcome {
    a_lease_runs_out_as_time_passes(&Postgres::fresh_database().await?.url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_runs_out_by_the_clock_of_mariadb() -> Outcome {
    a_lease_runs_out_as_time_passes(&MariaDb::fresh_database().await?.url).await
}

/// The first call that is answered after the database is back finds the holding as it was, and its
/// term is not granted again.
async fn the_holding_is_kept(election: &SqlElection, me: Incarnation, held: Holding) -> Outcome {
    eventually("a renewal is answered again", SOON, || async {
        let prolonged = election.renew(me, &[held], LONG).await?;
        ensure!(prolonged == [held], "the holding is gone: {prolonged:?}");
        Ok(())
    })
    .await?;
    election.resign(me, held).await?;
    let next = take(election, Incarnation::random(), 0).await?;
    ensure!(next.term == held.term + 1, "{} after {}", next.term, held.term);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_outlives_a_postgres_that_was_killed() -> Outcome {
    let mut server = Postgres::start().await?;
    let election = election(&server.database().await?.url).await?;
    let me = Incarnation::random();
    let held = take(&election, me, 41).await?;
    server.kill().await?;
    ensure!(election.renew(me, &[held], LONG).await.is_err());
    server.resume().await?;
    the_holding_is_kept(&election, me, held).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_outlives_a_mariadb_that_was_killed() -> Outcome {
    let mut server = MariaDb::start().await?;
    let election = election(&server.database().await?.url).await?;
    let me = Incarnation::random();
    let held = take(&election, me, 41).await?;
    server.kill().await?;
    ensure!(election.renew(me, &[held], LONG).await.is_err());
    server.resume().await?;
    the_holding_is_kept(&election, me, held).await
}

/// Nobody answers, and yet the call ends; once somebody answers again, a new connection is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_frozen_postgres_ends_within_its_limit() -> Outcome {
    let mut server = Postgres::start().await?;
    let url = server.database().await?.url;
    let me = Incarnation::random();
    let held = take(&election(&url).await?, me, 0).await?;
    let hasty = SqlElection::new(way(&url, LIMIT)?);
    eventually("the first call is answered", SOON, || async {
        ensure!(hasty.look(&[ROLE]).await?[0].holder == Some(me));
        Ok(())
    })
    .await?;
    server.freeze()?;
    let begun = Instant::now();
    let outcome = hasty.renew(me, &[held], LONG).await;
    let (took, thawed) = (begun.elapsed(), server.thaw());
    thawed?;
    ensure!(outcome.is_err(), "a frozen database answered: {outcome:?}");
    ensure!(took >= LIMIT && took < PATIENT / 4, "it took {took:?} instead of {LIMIT:?}");
    the_holding_is_kept(&hasty, me, held).await
}

/// The same for MariaDB, whose connection is what freezes here.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_mariadb_that_does_not_answer_ends_within_its_limit() -> Outcome {
    let url = MariaDb::fresh_database().await?.url;
    let me = Incarnation::random();
    let held = take(&election(&url).await?, me, 0).await?;
    let proxy = Proxy::before(&url).await?;
    let hasty = SqlElection::new(way(&proxy.url, LIMIT)?);
    eventually("the first call is answered", SOON, || async {
        ensure!(hasty.look(&[ROLE]).await?[0].holder == Some(me));
        Ok(())
    })
    .await?;
    proxy.set(Mood::Swallow);
    let begun = Instant::now();
    let outcome = hasty.renew(me, &[held], LONG).await;
    let took = begun.elapsed();
    proxy.set(Mood::Fair);
    ensure!(outcome.is_err(), "a connection that hangs answered: {outcome:?}");
    ensure!(took >= LIMIT && took < PATIENT / 4, "it took {took:?} instead of {LIMIT:?}");
    the_holding_is_kept(&hasty, me, held).await
}

/// A session that only reads (a primary was demoted under it) costs the connection: the next may lead
/// to the server that writes. Here only sessions that are there already are made to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_postgres_that_only_reads_is_thrown_away() -> Outcome {
    let server = Postgres::start().await?;
    let database = server.database().await?;
    let election = election(&database.url).await?;
    let me = Incarnation::random();
    let held = take(&election, me, 0).await?;
    let administrator = database.connect().await?;
    let new_sessions_write = "DO $$ BEGIN EXECUTE format(\
        'ALTER DATABASE %I SET default_transaction_read_only = off', current_database()); END $$";
    for statement in
        [new_sessions_write, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"]
    {
        administrator.execute_unprepared(statement).await?;
    }
    let refused = eventually("a renewal is refused", SOON, || async {
        match election.renew(me, &[held], LONG).await {
            Ok(prolonged) => bail!("the session writes: {prolonged:?}"),
            Err(error) => Ok(format!("{error:?}")),
        }
    })
    .await?;
    ensure!(refused.contains("25006"), "{refused}");
    // No error twice: the connection was replaced at once.
    ensure!(election.renew(me, &[held], LONG).await? == [held]);
    Ok(())
}
