//! What a cluster that nobody asks for anything asks of its database. PostgreSQL counts by itself.

use std::time::Duration;

use anyhow::Context as _;
use proget_tests::{Database, Outcome, Postgres};
use sea_orm::{ConnectionTrait as _, Statement};

use super::page::Page;
use super::street::{Hints, NODES, nodes};

/// So many statements a second of an idle node.
const WANTED: f64 = 3.0;

pub(super) async fn statements(seconds: u64, page: &mut Page) -> Outcome {
    let mut postgres = Postgres::start().await?;
    let admin = Database { url: postgres.url().to_owned() }.connect().await?;
    admin.execute_unprepared("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").await?;
    admin.close().await?;
    postgres.restart().await?;
    let database = postgres.database().await?;
    let raw = database.connect().await?;
    raw.execute_unprepared("CREATE EXTENSION pg_stat_statements").await?;
    let (cluster, balancer) = nodes(&database, Hints::Given).await?;
    let count = async || -> Outcome<Vec<(String, i64)>> {
        raw.execute_unprepared("SELECT pg_stat_statements_reset()").await?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let sql = "SELECT query, CAST(SUM(calls) AS BIGINT) FROM pg_stat_statements WHERE query NOT LIKE \
                   '%pg_stat_statements%' AND dbid = (SELECT oid FROM pg_database WHERE datname = \
                   current_database()) GROUP BY query ORDER BY 2 DESC";
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let rows = raw.query_all_raw(statement).await.context("counting")?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    };
    tokio::time::sleep(Duration::from_secs(5)).await;
    let per_node = |counted: &[(String, i64)]| {
        let all: i64 = counted.iter().map(|(_, calls)| calls).sum();
        all as f64 / seconds as f64 / NODES.len() as f64
    };
    let probed = per_node(&count().await?);
    drop(balancer);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counted = count().await?;
    for (query, calls) in counted.iter().take(12) {
        let short: String =
            query.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        println!("{:>7.2}/s a node  {short}", *calls as f64 / seconds as f64 / NODES.len() as f64);
    }
    page.figure(
        "statements a second of an idle node, default timings",
        per_node(&counted),
        Some(WANTED),
        "≤",
    );
    page.figure("the same while a balancer asks for its readiness 4 times a second", probed, None, "≤");
    drop(cluster);
    Ok(())
}
