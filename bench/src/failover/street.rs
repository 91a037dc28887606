//! Three nodes, the shipped file of HAProxy in front of them, and an own look into the database.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cluster, Database, HaProxy, Outcome, SOON, eventually, free_port};
use reqwest::Method;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::clients::Clients;
use super::page::Page;

pub(super) const NODES: [&str; 3] = ["a", "b", "c"];

/// As BALANCERS.md wants it.
const GRACE: &str = "3s";

/// How often the database is asked who has planted; what is measured is too long by so much at most.
const LOOK: Duration = Duration::from_millis(5);

/// Longer than any fail-over may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A schedule that is always there, due each minute.
const MINUTELY: &str = "minutely";

/// Whether nodes give each other hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hints {
    Given,
    Off,
}

impl Hints {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Given => "with the messenger",
            Self::Off => "without",
        }
    }
}

/// The row of a role's fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planted {
    pub(super) term: i64,
    /// Commits under this fence, of all terms.
    pub(super) used: i64,
}

pub(super) struct Street {
    pub(super) cluster: Cluster,
    _balancer: HaProxy,
    pub(super) clients: Clients,
    pub(super) hints: Hints,
    raw: DatabaseConnection,
}

impl Street {
    /// Nodes in high availability, with default timings.
    pub(super) async fn open(database: &Database, hints: Hints) -> Outcome<Self> {
        let (cluster, balancer) = nodes(database, hints).await?;
        let schedule = json!({ "name": MINUTELY, "cron": "* * * * *", "kind": "verify", "key": MINUTELY });
        cluster.order("a", Method::POST, "schedules", schedule).await?.done()?;
        let clients = Clients::start(&balancer.url())?;
        Ok(Self { cluster, _balancer: balancer, clients, hints, raw: database.connect().await? })
    }

    pub(super) async fn planted(&self) -> Outcome<Planted> {
        let sql = "SELECT term, used FROM fences WHERE role = 'primary'";
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let row = self.raw.query_one_raw(statement).await?.context("nobody was ever primary")?;
        Ok(Planted { term: row.try_get_by_index(0)?, used: row.try_get_by_index(1)? })
    }

    /// Looks until this is so; how long after `begun` it was seen.
    pub(super) async fn seen(&self, begun: Instant, so: impl Fn(Planted) -> bool) -> Outcome<Duration> {
        loop {
            let now = self.planted().await?;
            if so(now) {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < PATIENCE, "still {now:?} after {PATIENCE:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// From now on there is something to do for a primary: a schedule of this name, due at once.
    pub(super) async fn want_a_fenced_write(&self, name: &str) -> Outcome {
        let sql = format!(
            "INSERT INTO schedules (name, cron, kind, job_key, input, enabled, last) \
             SELECT '{name}', '* * * * *', kind, '{name}', input, 1, \
             CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) - 60000 \
             FROM schedules WHERE name = '{MINUTELY}'"
        );
        self.raw.execute_unprepared(&sql).await?;
        Ok(())
    }

    pub(super) async fn want_no_more(&self, name: &str) -> Outcome {
        self.raw.execute_unprepared(&format!("DELETE FROM schedules WHERE name = '{name}'")).await?;
        Ok(())
    }

    /// Waits until everybody is here and works; the primary's name.
    pub(super) async fn all_is_well(&self) -> Outcome<String> {
        let any = self.cluster.other_than(&[])?;
        eventually("all are here and work", SOON * 2, || async {
            let status = self.cluster.status(&any).await?;
            let works = |node: &&proget_cluster::node::status::NodeStatus| {
                node.standing == "fresh" && node.phase == "serving" && node.service == "running"
            };
            ensure!(status.nodes.iter().filter(works).count() == NODES.len(), "not all: {status:#?}");
            let term = self.planted().await?.term;
            let primary = status.primary.filter(|role| role.term == term).and_then(|role| role.node);
            Ok(primary.context("nobody is primary")?.to_string())
        })
        .await
    }

    pub(super) async fn order(&self, through: &str, path: &str) -> Outcome {
        self.cluster.order(through, Method::POST, path, Value::Null).await?.done().map(drop)
    }

    /// Ends the clients and looks at what the schedules have come to.
    pub(super) async fn close(self, page: &mut Page) -> Outcome {
        let Self { cluster, clients, raw, hints, .. } = self;
        clients.end().await?;
        let any = cluster.other_than(&[])?;
        cluster.order(&any, Method::DELETE, &format!("schedules/{MINUTELY}"), Value::Null).await?.done()?;
        let one = async |sql: &str| {
            let row = raw.query_one_raw(Statement::from_string(raw.get_database_backend(), sql)).await?;
            Ok::<i64, anyhow::Error>(row.context("no row")?.try_get_by_index(0)?)
        };
        eventually("all jobs are over", SOON * 3, || async {
            let open = one("SELECT COUNT(*) FROM jobs WHERE finished IS NULL").await?;
            ensure!(open == 0, "{open} are not");
            Ok(())
        })
        .await?;
        let minutely = "FROM jobs WHERE schedule = 'minutely'";
        let ran = one(&format!("SELECT COUNT(*) {minutely}")).await?;
        let due =
            one(&format!("SELECT COALESCE((MAX(occurrence) - MIN(occurrence)) / 60000 + 1, 0) {minutely}"))
                .await?;
        let different = one(&format!("SELECT COUNT(DISTINCT occurrence) {minutely}")).await?;
        let jobs = one("SELECT COUNT(*) FROM jobs").await?;
        let failed = one("SELECT COUNT(*) FROM jobs WHERE state <> 2").await?;
        let again = one("SELECT CAST(COALESCE(SUM(attempt - 1), 0) AS BIGINT) FROM jobs").await?;
        page.background(hints, [jobs, again, failed, ran - different, due - different]);
        Ok(raw.close().await?)
    }
}

/// Three nodes in high availability and the balancer before them.
pub(super) async fn nodes(database: &Database, hints: Hints) -> Outcome<(Cluster, HaProxy)> {
    let mut cluster = Cluster::new(database, GRACE)?;
    for name in NODES {
        cluster.vary(name, |setup| {
            let setup = setup.env("PROGET_TRUSTED_PROXIES", "127.0.0.1");
            if hints == Hints::Off { setup.env("PROGET_MESSENGER_ENDPOINT", "off") } else { setup }
        });
    }
    cluster.add(&NODES[..1]).await?;
    cluster.node("a")?.create_open_feed("npm", "internal").await?;
    cluster.add(&NODES[1..]).await?;
    for mode in ["load-balanced", "high-availability"] {
        let wanted = || async { cluster.want_mode("a", mode).await?.done() };
        eventually("the mode is changed", SOON, wanted).await?;
    }
    let balancer = balancer(&cluster).await?;
    Ok((cluster, balancer))
}

/// The shipped file with our addresses in it.
async fn balancer(cluster: &Cluster) -> Outcome<HaProxy> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haproxy/http.cfg");
    let mut text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let port = free_port()?;
    text = text.replace("bind *:80\n", &format!("bind 127.0.0.1:{port}\n"));
    for (number, name) in NODES.into_iter().enumerate() {
        let ours = cluster.node(name)?.url();
        text = text.replace(&format!("10.0.0.1{}:8624", number + 1), ours.trim_start_matches("http://"));
    }
    ensure!(!text.contains("10.0.0.1"), "{} is not as it was", file.display());
    HaProxy::start(port, &text).await
}

/// Who may do everything.
pub(super) const KEY: &str = ADMIN_KEY;
