//! What every test here begins with: real nodes on one database, clients at work, and the test's own
//! look into the catalogue, which tells whose fence is planted whatever the nodes say.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, ensure};
use proget_core::catalog::Catalog as _;
use proget_core::catalog::{Action, CatalogError, Fence, FenceRow, Instance as _, JournalEntry, Role};
use proget_core::conformance::sample::set;
use proget_storage::sql::{Migrate, SqlCatalog, SqlOptions};
use proget_tests::{Cluster, Database, MariaDb, Outcome, Postgres, SOON, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::hints;
use super::history::History;
use super::load::Load;
use super::pulse::{About, Pulse};
use super::witness;

/// A kind of database that several servers can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    pub(super) async fn database(self) -> Outcome<Database> {
        match self {
            Self::Postgres => Postgres::fresh_database().await,
            Self::MariaDb => MariaDb::fresh_database().await,
        }
    }
}

/// How far a cluster is brought before a test begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bring {
    Single,
    HighAvailability,
}

/// For how long nodes that stop say so first. Balancers in these tests ask ten times a second.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// A fail-over takes less, or something is broken. What is promised is shorter and measured elsewhere:
/// this machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// A machine that stands still for longer may cost a living node its lease of three seconds: the next renewal
/// is up to 0.75 s away, and one that is not answered for as long is sent again.
const BREATH: Duration = Duration::from_secs(1);

/// A schedule that is due each minute, so that the primary has something to dispatch.
const MINUTELY: &str = "minutely";

/// Each of these runs four processes; more at once would measure the machine.
static TURNS: Semaphore = Semaphore::const_new(2);

/// A cluster with everything around it.
pub(super) struct House {
    pub(super) cluster: Cluster,
    pub(super) catalog: SqlCatalog,
    pub(super) load: Load,
    database: Database,
    pulse: Pulse,
    /// From then on [`MINUTELY`] is due.
    scheduled: SystemTime,
    _turn: SemaphorePermit<'static>,
}

impl House {
    /// Three nodes a, b and c.
    pub(super) async fn open(kind: Kind, bring: Bring) -> Outcome<Self> {
        Self::on(&kind.database().await?, bring).await
    }

    pub(super) async fn on(database: &Database, bring: Bring) -> Outcome<Self> {
        let turn = TURNS.acquire().await?;
        let cluster = Cluster::new(database, &format!("{}s", GRACE.as_secs()))?;
        Self::of(cluster, turn, database, bring).await
    }

    /// The same of nodes that a test has peculiar settings for.
    pub(super) async fn built(database: &Database, cluster: Cluster) -> Outcome<Self> {
        let turn = TURNS.acquire().await?;
        Self::of(cluster, turn, database, Bring::HighAvailability).await
    }

    async fn of(
        mut cluster: Cluster,
        turn: SemaphorePermit<'static>,
        database: &Database,
        bring: Bring,
    ) -> Outcome<Self> {
        // Alone at first, so that the others begin with the fast timings already.
        cluster.add(&["a"]).await?;
        cluster.configure("a", json!({ "preset": "fast" })).await?;
        cluster.node("a")?.create_feed("npm", "internal").await?;
        witness::watch(database).await?;
        let pulse = Pulse::start(database).await?;
        cluster.add(&["b", "c"]).await?;
        let options = SqlOptions { migrate: Migrate::Never, writers: 1, readers: 1, ..SqlOptions::default() };
        let catalog = SqlCatalog::open(&database.url, options).await?;
        let load = Load::start(&cluster)?;
        let schedule = json!({ "name": MINUTELY, "cron": "* * * * *", "kind": "verify", "key": MINUTELY });
        cluster.order("a", Method::POST, "schedules", schedule).await?.done()?;
        let (database, scheduled) = (database.clone(), SystemTime::now());
        let house = Self { cluster, catalog, load, database, pulse, scheduled, _turn: turn };
        if bring == Bring::HighAvailability {
            house.enable("a", "load-balanced").await?;
            house.enable("a", "high-availability").await?;
            house
                .cluster
                .until("a", "all Services run", |status| {
                    status.primary.is_some() && status.nodes.iter().all(|node| node.service == "running")
                })
                .await?;
        }
        hints::told(&house.cluster).await?;
        house.load.goes_on().await?;
        Ok(house)
    }

    /// Switches a mode on as soon as nothing speaks against it: nodes that have just joined have yet to
    /// find out whether they share the store.
    pub(super) async fn enable(&self, through: &str, mode: &str) -> Outcome {
        eventually("the mode is changed", SOON, || async {
            self.cluster.want_mode(through, mode).await?.done()
        })
        .await?;
        Ok(())
    }

    /// Whose fence is planted for the primary.
    pub(super) async fn fence(&self) -> Outcome<FenceRow> {
        let look = || async { Ok(self.catalog.fence(Role::PRIMARY).await?) };
        eventually("the fence is read", SOON, look).await?.context("nobody was ever primary")
    }

    /// The name of the node whose fence is planted, as another one knows it.
    pub(super) async fn primary(&self, through: &str) -> Outcome<String> {
        let fence = self.fence().await?;
        let is_held = |status: &proget_cluster::node::status::ClusterStatus| {
            status.nodes.iter().any(|node| node.incarnation == fence.holder.to_string())
        };
        let status = self.cluster.until(through, "the primary is in the roster", is_held).await?;
        let holder = status.nodes.iter().find(|node| node.incarnation == fence.holder.to_string());
        Ok(holder.context("gone again")?.name.to_string())
    }

    /// Waits until another process than before has planted its fence, and demands a higher term.
    /// Returns how long that took since `begun`.
    pub(super) async fn succession(&self, before: FenceRow, begun: Instant) -> Outcome<Duration> {
        eventually("another node has planted its fence", DEADLINE, || async {
            let now = self.fence().await?;
            ensure!(now.holder != before.holder, "it is still {now:?}");
            Ok(now)
        })
        .await
        .and_then(|now| {
            ensure!(now.term > before.term, "the term went from {} to {}", before.term, now.term);
            Ok(begun.elapsed())
        })
    }

    /// Whose fence is planted when the role has come to rest. A plant that waited for a lock for longer than
    /// a call may take is not acted on and its lease is given back, and yet it is made when the lock is free:
    /// that fence is a moment's. Who has renewed twice since does act.
    pub(super) async fn settled(&self) -> Outcome<FenceRow> {
        let raw = self.database.connect().await?;
        let fence = eventually("whoever planted last keeps its lease", DEADLINE, || async {
            let fence = self.fence().await?;
            let renewals = witness::renewals(&raw, fence.term).await?;
            ensure!(renewals >= 2, "{fence:?} was renewed {renewals} times");
            Ok(fence)
        });
        let fence = fence.await?;
        raw.close().await?;
        Ok(fence)
    }

    /// Demands that who was primary gave the role back, so that nobody had to wait for its lease to run out.
    pub(super) async fn handed_over(&self, before: FenceRow) -> Outcome {
        ensure!(witness::was_given_back(&self.database, before.term).await?, "its lease was not given back");
        Ok(())
    }

    /// Demands that who has the role and lives keeps it. `false` if it did not and that was the machine's doing.
    pub(super) async fn keeps_the_role(&self, before: FenceRow) -> Outcome<bool> {
        let now = self.fence().await?;
        let pause = self.pulse.longest_pause(About::Roles);
        let kept = now == before;
        ensure!(
            kept || pause > BREATH,
            "it lost the role although it lived and nothing stood still for longer than {pause:?}: {now:?} after {before:?}"
        );
        if !kept {
            println!("not judged, since the machine stood still for {pause:?}: {now:?} after {before:?}");
        }
        Ok(kept)
    }

    /// Tries to write under a fence, as its holder would: was that allowed?
    pub(super) async fn may_write(&self, fence: FenceRow) -> Outcome<bool> {
        let FenceRow { term, holder } = fence;
        let entry = JournalEntry { action: Action::ClusterEvent, feed: None, subject: "a late write".into() };
        eventually("a write under a fence is allowed or refused", SOON, || async {
            let fence = Fence { role: Role::PRIMARY, term, holder };
            match self.catalog.commit(set().fenced(fence).record(entry.clone())).await {
                Ok(_) => Ok(Ok(true)),
                Err(CatalogError::Fenced) => Ok(Ok(false)),
                // A database that is busy said neither, and nothing has happened.
                Err(error @ CatalogError::Unavailable { .. }) => Err(error.into()),
                Err(error) => Ok(Err(anyhow!("neither allowed nor refused: {error:?}"))),
            }
        })
        .await?
    }

    /// Demands that clients get on and that everything acknowledged since the last time is there,
    /// through every node that runs.
    pub(super) async fn is_whole(&self, after: &str) -> Outcome {
        self.load.goes_on().await.with_context(|| format!("after {after}"))?;
        let running = self.cluster.running();
        let found = self.load.ledger_holds(&self.cluster, &running).await;
        let entries = found.with_context(|| format!("after {after}"))?;
        println!("after {after}: {entries} more publishes are there through {}", running.join(", "));
        Ok(())
    }

    /// Demands that no request failed since the last time.
    pub(super) fn nothing_failed(&self, after: &str) -> Outcome {
        self.without(&self.load.troubles(), after)
    }

    /// Demands that there are no such failures since the last time; or else that the machine stood still, for
    /// then nodes stand back on their own, as they must when the database does not answer.
    pub(super) fn without(&self, failures: &[String], after: &str) -> Outcome {
        let pause = self.pulse.longest_pause(About::Requests);
        ensure!(
            failures.is_empty() || pause > BREATH,
            "after {after} these had failed, although nothing stood still for longer than {pause:?}: {failures:#?}"
        );
        if !failures.is_empty() {
            println!("not judged, since the machine stood still for {pause:?}: after {after} {failures:#?}");
        }
        Ok(())
    }

    /// Ends the clients, looks at everything once more, and has the whole history judged.
    pub(super) async fn close(self) -> Outcome {
        let Self { cluster, load, database, scheduled, .. } = self;
        let running = cluster.running();
        let mut seen = load.finish(&cluster, &running).await?;
        seen.wanted = minutes(scheduled, SystemTime::now())?;
        judged(&database, &seen, "all that was due became a job", "never became a job").await?;
        let any = cluster.other_than(&[])?;
        let schedule = format!("schedules/{MINUTELY}");
        cluster.order(&any, Method::DELETE, &schedule, Value::Null).await?.done()?;
        // A claim of a node that is gone runs out, and whatever is left to do is done.
        let history = judged(&database, &seen, "all jobs are done", "did not run to its end").await?;
        let objections = history.objections();
        ensure!(objections.is_empty(), "the history is objected to: {objections:#?}");
        let jobs = history.ordered.len();
        println!(
            "judged: {} publishes, {} readings, {jobs} jobs ordered, {} due, {} steps of jobs, {} fenced commits",
            history.publishes.len(),
            history.readings.len(),
            history.wanted.len(),
            history.jobs.len(),
            history.fencing.len(),
        );
        ensure!(jobs > 0 && !history.fencing.is_empty(), "there was nothing to judge");
        Ok(())
    }
}

/// Waits until the judge has no objection of that kind, with the database's own record added to the clients'.
async fn judged(database: &Database, seen: &History, what: &str, without: &str) -> Outcome<History> {
    eventually(what, SOON * 3, || async {
        let mut history = seen.clone();
        witness::testimony(database, &mut history).await?;
        let objections = history.objections();
        ensure!(objections.iter().all(|objection| !objection.contains(without)), "{objections:#?}");
        Ok(history)
    })
    .await
}

/// The occurrences of [`MINUTELY`] after one moment and not after another, by the clock that the database's
/// server shares with this process.
fn minutes(after: SystemTime, until: SystemTime) -> Outcome<BTreeSet<(String, i64)>> {
    let number = |moment: SystemTime| Outcome::Ok(moment.duration_since(UNIX_EPOCH)?.as_secs() / 60);
    let each = number(after)? + 1..=number(until)?;
    each.map(|minute| Ok((MINUTELY.to_owned(), i64::try_from(minute * 60_000)?))).collect()
}
