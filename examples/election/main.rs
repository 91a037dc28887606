//! Three processes, one duty: whoever holds it works; when that process dies, another goes on. Nothing but
//! `proget-cluster` and a database that all of them reach is needed.
//!
//!     cargo run -p proget-examples --example election
//!
//! starts a PostgreSQL and itself three times, and kills whoever works, one after the other. With the
//! address of a database and a name it is one of the three.

use anyhow::{Context as _, ensure};
use proget_cluster::election::{BootClock, Campaign, FencePlanter, Plant, Preset, SqlElection};
use proget_cluster::{schema, sql::ClusterDatabase};
use proget_core::catalog::{Fence, Role};
use proget_core::ids::Incarnation;
use proget_tests::{Outcome, Postgres, SOON};
use sea_orm::sqlx::{PgPool, postgres::PgPoolOptions, query, query_as};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use std::process::Stdio;
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const BAKER: Role = Role("baker");

/// What the work is done to. It keeps the newest fence, and refuses whoever comes with another one.
#[derive(Debug)]
struct Bakery(PgPool);

impl Bakery {
    async fn bake(&self, fence: Fence) -> Outcome<bool> {
        let sql = "UPDATE bakery SET loaves = loaves + 1 WHERE term = $1 AND holder = $2";
        let baked = query(sql).bind(fence.term).bind(fence.holder.to_string()).execute(&self.0).await?;
        Ok(baked.rows_affected() == 1)
    }
}

#[async_trait::async_trait]
impl FencePlanter for Bakery {
    async fn plant(&self, fence: Fence) -> Plant {
        let sql = "UPDATE bakery SET term = $1, holder = $2 WHERE term < $1";
        let planted = query(sql).bind(fence.term).bind(fence.holder.to_string()).execute(&self.0).await;
        let newest = query_as::<_, (i64, String)>("SELECT term, holder FROM bakery");
        let (Ok(_), Ok((term, holder))) = (planted, newest.fetch_one(&self.0).await) else {
            return Plant::Unknown;
        };
        if (term, holder) == (fence.term, fence.holder.to_string()) {
            Plant::Planted
        } else {
            Plant::TooLow(term)
        }
    }
}

/// One of the three: campaigns, and bakes for as long as it may.
async fn one(url: String, name: &str) -> Outcome {
    let pool = PgPoolOptions::new().max_connections(1);
    let bakery = Arc::new(Bakery(pool.clone().connect(&url).await?));
    let connect = move || match pool.clone().connect_lazy(&url) {
        Ok(pool) => SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
        Err(_) => DatabaseConnection::default(),
    };
    let timing = Preset::Fast.timing();
    let database = Arc::new(ClusterDatabase::new(Arc::new(connect), timing.call));
    let campaign = Campaign {
        me: Incarnation::random(),
        election: Arc::new(SqlElection::new(database)),
        fences: bakery.clone(),
        clock: Arc::new(BootClock),
    };
    let elector = campaign.start(&[BAKER], timing);
    elector.stand();
    let Some(mut watch) = elector.watch(BAKER) else { return Ok(()) };
    while let Some(held) = watch.held().await {
        while let Ok(fence) = held.fence() {
            if bakery.bake(fence).await? {
                println!("{name} bakes in term {}", fence.term);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

fn start(url: &str, name: &str) -> Outcome<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.args([url, name]).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

#[tokio::main]
async fn main() -> Outcome {
    if let [_, url, name] = std::env::args().collect::<Vec<_>>().as_slice() {
        return one(url.clone(), name).await;
    }
    let postgres = Postgres::start().await?;
    let database = postgres.database().await?;
    let pool = PgPool::connect(&database.url).await?;
    query("CREATE TABLE bakery (term BIGINT, holder TEXT, loaves BIGINT)").execute(&pool).await?;
    query("INSERT INTO bakery VALUES (0, '', 0)").execute(&pool).await?;
    let all = move || SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
    schema::create(&ClusterDatabase::new(Arc::new(all), SOON)).await?;
    let (mut processes, mut last) = (Vec::new(), 0);
    for name in ["anna", "bert", "carl"] {
        let mut process = start(&database.url, name)?;
        let Some(said) = process.stdout.take() else { anyhow::bail!("{name} cannot be heard") };
        processes.push((process, BufReader::new(said).lines()));
    }
    while !processes.is_empty() {
        // Whoever speaks first works.
        let speaks = processes.iter_mut().map(|(_, said)| Box::pin(said.next_line()));
        let speaks = tokio::time::timeout(SOON, futures::future::select_all(speaks)).await;
        let (said, speaker, _) = speaks?;
        let (said, (mut process, _)) = (said?.unwrap_or_default(), processes.remove(speaker));
        let term: i64 = said.rsplit(' ').next().unwrap_or_default().parse().context("nobody bakes")?;
        ensure!(term > last, "{said}, after term {last}");
        println!("{said}, and dies");
        last = term;
        // Nobody is told: the lease runs out.
        process.kill().await?;
    }
    Ok(())
}
