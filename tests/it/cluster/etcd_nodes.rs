//! Real servers that keep roster and catalogue in PostgreSQL and their roles in etcd: a primary that is
//! killed, an etcd that is away, a server with another register, and moving from one register to another.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use proget_cluster::node::status::ClusterStatus;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cluster, Database, Etcd, Outcome, Postgres, SOON, cluster, eventually};
use reqwest::Method;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};

async fn start(cluster: &mut Cluster, name: &str, etcd: &Etcd) -> Outcome {
    let setup = cluster.setup(name).env("PROGET_ELECTION_URL", etcd.url());
    cluster.adopt(name, setup.start().await?);
    Ok(())
}

/// As soon as nothing speaks against it.
async fn enable(cluster: &Cluster, mode: &str) -> Outcome {
    eventually("the mode is changed", SOON, || async { cluster.want_mode("a", mode).await?.done() }).await?;
    Ok(())
}

/// Switches high availability on, and waits until all Services run.
async fn make_available(cluster: &Cluster) -> Outcome {
    enable(cluster, "load-balanced").await?;
    enable(cluster, "high-availability").await?;
    let all_run = |status: &ClusterStatus| {
        status.primary.is_some() && status.nodes.iter().all(|node| node.service == "running")
    };
    cluster.until("a", "all Services run", all_run).await.map(drop)
}

/// Who is primary, under which term.
fn primary(status: &ClusterStatus) -> Option<(String, i64)> {
    let held = status.primary.as_ref()?;
    Some((held.node.as_ref()?.to_string(), held.term))
}

/// Waits until somebody is primary under a later term, and the catalogue has that fence.
async fn succeeded(
    cluster: &Cluster,
    through: &str,
    term: i64,
    database: &Database,
) -> Outcome<(String, i64)> {
    let later = |status: &ClusterStatus| primary(status).is_some_and(|(_, now)| now > term);
    let status = cluster.until(through, "somebody is primary under a later term", later).await?;
    let now = primary(&status).context("nobody is")?;
    eventually("its fence is planted", SOON, || async {
        let planted = number(database, "SELECT term FROM fences WHERE role = 'primary'").await?;
        ensure!(planted >= now.1, "term {planted} is planted");
        Ok(())
    })
    .await?;
    Ok(now)
}

/// Who says of itself that it acts as primary.
async fn leaders(house: &Cluster) -> Outcome<Vec<String>> {
    let mut leaders = Vec::new();
    for name in house.running() {
        let node = house.node(&name)?;
        let asked = node.http().get(format!("{}/metrics", node.url()));
        let text = asked.header("X-ApiKey", ADMIN_KEY).send().await?.text().await?;
        let acts = |line: &str| {
            line.starts_with("cluster_role_held{") && line.contains("\"primary\"") && line.ends_with(" 1")
        };
        if text.lines().any(acts) {
            leaders.push(name);
        }
    }
    Ok(leaders)
}

/// Demands that each primary had a later term than the one before it, as the journal tells.
async fn terms_only_rose(database: &Database) -> Outcome {
    let connection = database.connect().await?;
    let question =
        "SELECT subject FROM journal WHERE subject LIKE '% holds the role primary, term %' ORDER BY id";
    let statement = Statement::from_string(connection.get_database_backend(), question);
    let mut terms = Vec::new();
    for row in connection.query_all_raw(statement).await? {
        let subject: String = row.try_get_by_index(0)?;
        let (_, term) = subject.rsplit_once(' ').context("no term")?;
        terms.push(term.parse::<i64>()?);
    }
    println!("terms of the primaries: {terms:?}");
    ensure!(terms.len() > 1, "nobody succeeded anybody: {terms:?}");
    ensure!(terms.is_sorted_by(|one, next| one < next), "{terms:?}");
    Ok(())
}

async fn number(database: &Database, question: &str) -> Outcome<i64> {
    let connection = database.connect().await?;
    let statement = Statement::from_string(connection.get_database_backend(), question);
    let row = connection.query_one_raw(statement).await?.context("no row")?;
    Ok(row.try_get_by_index(0)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_roles_in_etcd_a_killed_primary_is_succeeded_and_etcd_may_go_and_come() -> Outcome {
    let (database, mut etcd) = (Postgres::fresh_database().await?, Etcd::start(3).await?);
    let mut house = Cluster::new(&database, "0s")?;
    start(&mut house, "a", &etcd).await?;
    house.configure("a", json!({ "preset": "fast" })).await?;
    start(&mut house, "b", &etcd).await?;
    start(&mut house, "c", &etcd).await?;
    make_available(&house).await?;
    let leases = number(&database, "SELECT count(*) FROM leases").await?;
    ensure!(leases == 0, "{leases} leases are in the database, too");

    let (first, term) = primary(&house.status("a").await?).context("nobody is primary")?;
    let other = house.other_than(&[&first])?;
    let killed = Instant::now();
    house.kill(&[&first]).await?;
    let (second, term) = succeeded(&house, &other, term, &database).await?;
    println!("{first}, primary, was killed: {second} was primary after {:?}", killed.elapsed());
    ensure!(second != first, "{first} was killed and is primary");
    house.bring_back(&[&first]).await?;

    // etcd's own fail-over costs no role, or at worst a change of it.
    let leader = etcd.leader().await?;
    etcd.kill(leader).await?;
    let begun = Instant::now();
    house.until(&second, "somebody is primary", |status| primary(status).is_some()).await?;
    println!("etcd's leader was killed: the status was told after {:?}", begun.elapsed());
    etcd.resume(leader).await?;

    // Without etcd nobody works in the background, everybody serves, and the status says what is wrong.
    eventually("one says that it is primary", SOON, || async {
        let leaders = leaders(&house).await?;
        ensure!(leaders.len() == 1, "{leaders:?} do");
        Ok(())
    })
    .await?;
    for member in 0..3 {
        etcd.kill(member).await?;
    }
    eventually("the role is given up", SOON, || async {
        let leaders = leaders(&house).await?;
        ensure!(leaders.is_empty(), "{leaders:?} do not");
        Ok(())
    })
    .await?;
    for name in ["a", "b", "c"] {
        let status = house.status(name).await?;
        ensure!(status.primary.is_none(), "{name} says {:?}", status.primary);
        let told = status.warnings.first().is_some_and(|warning| warning.what.contains("cannot be reached"));
        ensure!(told, "{name} does not say what is wrong: {:?}", status.warnings);
        let ready = format!("{}/health/ready", house.node(name)?.url());
        let status = house.node(name)?.http().get(ready).send().await?.status();
        ensure!(status == 200, "{name} is not ready without etcd: {status}");
    }
    // Who starts meanwhile is as good as the others.
    house.node_mut(&first)?.restart().await?;
    let begun = Instant::now();
    for member in 0..3 {
        etcd.launch(member)?;
    }
    let (third, _) = succeeded(&house, &first, term, &database).await?;
    println!("etcd was back: {third} was primary {:?} after its start", begun.elapsed());
    terms_only_rose(&database).await
}

/// The register is another one than the roster's, and yet whoever is removed from that has no roles any more. Also,
/// timings that change count for what is held already.
async fn a_removed_primary_need_not_run_out(house: &mut Cluster) -> Outcome {
    house.configure("a", json!({ "preset": "patient" })).await?;
    let long = |status: &ClusterStatus| status.primary.as_ref().is_some_and(|held| held.left_ms > 12_000);
    let status = house.until("a", "the lease is as long as it is now meant to be", long).await?;
    let (first, term) = primary(&status).context("nobody is primary")?;
    let other = house.other_than(&[&first])?;
    house.kill(&[&first]).await?;
    let killed = Instant::now();
    house.order(&other, Method::DELETE, &format!("nodes/{first}?force=true"), Value::Null).await?.done()?;
    let later = |status: &ClusterStatus| primary(status).is_some_and(|(_, now)| now > term);
    house.until(&other, "somebody is primary under a later term", later).await?;
    let took = killed.elapsed();
    println!("{first}, primary, was killed and removed: it was succeeded after {took:?}");
    ensure!(took < Duration::from_secs(12), "its lease had to run out: {took:?}");
    Ok(())
}

/// One after the other is started anew with the other setting. Whoever differs from the server that has been
/// here for longest does no background work and says why; terms go on rising from where they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_move_from_the_database_to_etcd_one_by_one_and_terms_go_on_rising() -> Outcome {
    let (database, etcd) = (Postgres::fresh_database().await?, Etcd::start(1).await?);
    let mut house = Cluster::new(&database, "0s")?;
    house.add(&["a"]).await?;
    house.configure("a", json!({ "preset": "fast" })).await?;
    house.add(&["b", "c"]).await?;
    make_available(&house).await?;
    let (_, mut term) = primary(&house.status("a").await?).context("nobody is primary")?;
    for name in ["a", "b"] {
        house.node_mut(name)?.stop().await?;
        start(&mut house, name, &etcd).await?;
        let odd = |status: &ClusterStatus| {
            let odd = cluster::node(status, name);
            odd.is_some_and(|node| {
                node.shares_register == Some(false) && node.service.contains("another register")
            })
        };
        let status = house.until("c", "the odd one is found out", odd).await?;
        let told = status.warnings.iter().any(|warning| {
            warning.node.as_ref().is_some_and(|node| node.as_str() == name)
                && warning.what.contains("another register")
                && warning.hint.contains("PROGET_ELECTION_URL")
        });
        ensure!(told, "nobody is told: {:#?}", status.warnings);
        let of_the_others =
            |status: &ClusterStatus| primary(status).is_some_and(|(node, now)| node == "c" && now >= term);
        // The last that keeps its roles in the database has them all in the end.
        if name == "b" {
            let status = house.until("c", "c is primary", of_the_others).await?;
            term = primary(&status).context("nobody is")?.1;
        }
    }
    house.node_mut("c")?.stop().await?;
    let (now, later) = succeeded(&house, "a", term, &database).await?;
    ensure!(now == "a" || now == "b", "{now} is primary");
    println!("the roles have moved: {now} is primary with term {later}, after {term} in the database");
    start(&mut house, "c", &etcd).await?;
    let all_share = |status: &ClusterStatus| {
        status.nodes.iter().filter(|node| node.standing == "fresh").count() == 3
            && status.nodes.iter().all(|node| node.shares_register == Some(true) && node.service == "running")
    };
    house.until("b", "all use the same register", all_share).await?;
    a_removed_primary_need_not_run_out(&mut house).await?;
    terms_only_rose(&database).await
}
