//! The database is stopped and comes back: nobody is ready without it, and afterwards everybody is,
//! with one primary, and without anybody's help.

use std::time::{Duration, Instant};

use anyhow::ensure;
use proget_tests::{Database, MariaDb, Outcome, Postgres};

use super::house::{Bring, House, Kind};
use super::orderly::readiness;

/// A database server that belongs to the test.
enum Own {
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Own {
    async fn start(kind: Kind) -> Outcome<Self> {
        Ok(match kind {
            Kind::Postgres => Self::Postgres(Postgres::start().await?),
            Kind::MariaDb => Self::MariaDb(MariaDb::start().await?),
        })
    }

    async fn database(&self) -> Outcome<Database> {
        match self {
            Self::Postgres(server) => server.database().await,
            Self::MariaDb(server) => server.database().await,
        }
    }

    async fn stop(&mut self) -> Outcome {
        match self {
            Self::Postgres(server) => server.stop().await,
            Self::MariaDb(server) => server.stop().await,
        }
    }

    async fn resume(&mut self) -> Outcome {
        match self {
            Self::Postgres(server) => server.resume().await,
            Self::MariaDb(server) => server.resume().await,
        }
    }
}

pub(super) async fn a_database_that_was_away_finds_all_nodes_again(kind: Kind) -> Outcome {
    let mut server = Own::start(kind).await?;
    let house = House::on(&server.database().await?, Bring::HighAvailability).await?;
    for away in [Duration::ZERO, Duration::from_secs(5)] {
        let before = house.fence().await?;
        server.stop().await?;
        for node in ["a", "b", "c"] {
            readiness(&house, node, 503).await?;
        }
        // Once shorter than a lease, more or less, and once longer.
        tokio::time::sleep(away).await;
        let back = Instant::now();
        server.resume().await?;
        for node in ["a", "b", "c"] {
            readiness(&house, node, 200).await?;
        }
        println!(
            "the database was away for {away:?} and more: all were ready {:?} after its start",
            back.elapsed()
        );
        house
            .cluster
            .until("a", "one is primary and all are here", |status| {
                status.primary.is_some() && status.nodes.iter().all(|node| node.standing == "fresh")
            })
            .await?;
        let after = house.fence().await?;
        ensure!(after.term >= before.term, "the term went from {} to {}", before.term, after.term);
        house.is_whole("the database was away").await?;
    }
    house.close().await
}
