//! Every race about a job and about the mode, decided in both orders; see `races` for how it is played.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use proget_core::catalog::{
    Catalog as _, ChangeSet, Conflict, Expect, Instance as _, InstanceChange, JobChange, JobEnd, JobKind,
    JobRow, JobState, Jobs as _, NewJob,
};
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::conformance::sample::set;
use proget_core::ids::{ClaimToken, Incarnation, JobId};
use proget_storage::sql::SqlCatalog;
use proget_tests::Outcome;

use super::place::{Kind, LONG, Place, exec, on_every_database, on_every_server};
use super::races::{conflict, meanwhile};

on_every_database!(
    a_claim_waits_for_who_still_holds_the_job_and_finds_what_it_did,
    a_claim_waits_for_who_holds_the_job_and_takes_it_over_if_nothing_came_of_it,
    a_job_that_is_being_claimed_absorbs_nothing,
    a_job_whose_claim_fails_absorbs_its_like,
    a_job_that_is_being_enqueued_is_claimed_with_what_is_new,
    who_serves_is_judged_after_a_change_of_the_mode,
    a_setting_is_judged_after_its_change,
);
on_every_server!(
    to_look_for_work_waits_for_nobody,
    a_change_of_the_mode_waits_for_who_serves,
    a_mode_under_which_jobs_are_claimed_all_the_time_can_be_changed,
);

fn job(input: &str) -> NewJob {
    let (key, input) = ("a".to_owned(), input.to_owned());
    NewJob { kind: JobKind::new("verify"), key, input, after: Duration::ZERO, attempts: 3 }
}

fn claim(job: JobId, token: ClaimToken, hold: Duration) -> Outcome<JobChange> {
    let (node, holder) = (NodeName::new("web-1")?, Incarnation::random());
    Ok(JobChange::Claim { job, token, node, holder, hold })
}

async fn enqueued(catalog: &SqlCatalog) -> Outcome<JobId> {
    let done = catalog.commit(set().with(JobChange::Enqueue(job("old")))).await?;
    done.enqueued.first().copied().context("the number of the job")
}

/// A job whose claim has run out, so that only a lock keeps it.
async fn run_out(catalog: &SqlCatalog) -> Outcome<JobId> {
    let id = enqueued(catalog).await?;
    catalog.commit(set().with(claim(id, ClaimToken::random(), Duration::ZERO)?)).await?;
    Ok(id)
}

async fn row_of(catalog: &SqlCatalog, id: JobId) -> Outcome<JobRow> {
    catalog.job(id).await?.context("the job's row is gone")
}

/// What every commit of a job's holder begins with.
fn proof_of_claim(kind: Kind, id: JobId) -> String {
    let lock = if kind == Kind::Sqlite { "" } else { "FOR UPDATE" };
    format!("SELECT 1 FROM jobs WHERE id = {id} AND state = 1 {lock}")
}

async fn a_claim_waits_for_who_still_holds_the_job_and_finds_what_it_did(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = run_out(&catalog).await?;
    let holder = place.other_process().await?;
    exec(&holder, &proof_of_claim(kind, id)).await?;
    exec(&holder, &format!("UPDATE jobs SET state = 2, finished = 1 WHERE id = {id}")).await?;
    let take = set().with(claim(id, ClaimToken::random(), LONG)?);
    conflict(meanwhile(&place, holder, &catalog, take).await?, Conflict::JobTaken)?;
    ensure!(row_of(&catalog, id).await?.state == JobState::Done);
    Ok(())
}

async fn a_claim_waits_for_who_holds_the_job_and_takes_it_over_if_nothing_came_of_it(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = run_out(&catalog).await?;
    let holder = place.other_process().await?;
    exec(&holder, &proof_of_claim(kind, id)).await?;
    let token = ClaimToken::random();
    let taken = meanwhile(&place, holder, &catalog, set().with(claim(id, token, LONG)?)).await??;
    ensure!(taken.claimed.len() == 1 && taken.claimed[0].attempt == 2, "{taken:?}");
    let end = JobChange::Finish { job: id, token, end: JobEnd::Done("done".into()) };
    catalog.commit(set().expect(Expect::ClaimHeld(id, token)).with(end)).await?;
    Ok(())
}

async fn a_job_that_is_being_claimed_absorbs_nothing(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = enqueued(&catalog).await?;
    let claiming = place.other_process().await?;
    exec(&claiming, &format!("UPDATE jobs SET state = 1, waiting = NULL, held_until = 1 WHERE id = {id}"))
        .await?;
    let enqueue = set().with(JobChange::Enqueue(job("new")));
    let made = meanwhile(&place, claiming, &catalog, enqueue).await??.enqueued;
    ensure!(made != [id], "what is wanted after a job was claimed is another job");
    ensure!(row_of(&catalog, id).await?.input == "old");
    ensure!(row_of(&catalog, made[0]).await?.input == "new");
    Ok(())
}

async fn a_job_whose_claim_fails_absorbs_its_like(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = enqueued(&catalog).await?;
    let claiming = place.other_process().await?;
    let claim = format!("UPDATE jobs SET state = 1, waiting = NULL, held_until = 1 WHERE id = {id}");
    exec(&claiming, &claim).await?;
    // Taken back as far as the row goes, with the lock kept until the other one waits.
    exec(
        &claiming,
        &format!("UPDATE jobs SET state = 0, waiting = job_key, held_until = NULL WHERE id = {id}"),
    )
    .await?;
    let enqueue = set().with(JobChange::Enqueue(job("new")));
    let made = meanwhile(&place, claiming, &catalog, enqueue).await??.enqueued;
    ensure!(made == [id], "one that waits is that job: {made:?}");
    ensure!(row_of(&catalog, id).await?.input == "new");
    Ok(())
}

async fn a_job_that_is_being_enqueued_is_claimed_with_what_is_new(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = enqueued(&catalog).await?;
    let enqueuing = place.other_process().await?;
    exec(&enqueuing, "UPDATE jobs SET input = 'new' WHERE kind = 'verify' AND waiting = 'a'").await?;
    let take = set().with(claim(id, ClaimToken::random(), LONG)?);
    let claimed = meanwhile(&place, enqueuing, &catalog, take).await??.claimed;
    ensure!(claimed[0].input == "new", "{claimed:?}");
    Ok(())
}

fn serving(node: &str) -> Outcome<ChangeSet> {
    Ok(set().expect(Expect::Serving(NodeName::new(node)?)))
}

/// Another process has changed the row about the cluster, and not yet committed.
async fn changing(place: &Place, change: &str) -> Outcome<sea_orm::DatabaseTransaction> {
    let other = place.other_process().await?;
    exec(&other, &format!("UPDATE cluster_mode SET {change} WHERE id = 1")).await?;
    Ok(other)
}

async fn who_serves_is_judged_after_a_change_of_the_mode(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    catalog.commit(set().with(InstanceChange::Settle(NodeName::new("web-1")?))).await?;
    catalog.commit(serving("web-1")?).await?;
    let other = changing(&place, "service_node = 'web-2'").await?;
    conflict(meanwhile(&place, other, &catalog, serving("web-1")?).await?, Conflict::NotServing)?;
    Ok(())
}

async fn a_setting_is_judged_after_its_change(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let set_to = |value: &str| InstanceChange::Set { name: "sealing".into(), value: Some(value.into()) };
    catalog.commit(set().with(set_to("key a"))).await?;
    let expect = |value: &str| set().expect(Expect::Setting("sealing".into(), Some(value.into())));
    for (from, to) in [("key a", "key b"), ("key b", "key a")] {
        let other = changing(&place, "mode = mode").await?;
        exec(&other, &format!("UPDATE settings SET value = '{to}' WHERE name = 'sealing'")).await?;
        let asked = if to == "key b" { from } else { to };
        let answer = meanwhile(&place, other, &catalog, expect(asked)).await?;
        if asked == to {
            answer?;
        } else {
            conflict(answer, Conflict::InstanceChanged)?;
        }
    }
    Ok(())
}

async fn to_look_for_work_waits_for_nobody(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let id = run_out(&catalog).await?;
    let holder = place.other_process().await?;
    exec(&holder, &format!("UPDATE jobs SET state = 2 WHERE id = {id}")).await?;
    // Whoever waited for the lock would give up and say so.
    let rows = catalog.claimable(&[JobKind::new("verify")], 9).await.context("to look for work")?;
    ensure!(rows.len() == 1, "{rows:?}");
    holder.commit().await?;
    ensure!(catalog.claimable(&[JobKind::new("verify")], 9).await?.is_empty());
    Ok(())
}

async fn a_change_of_the_mode_waits_for_who_serves(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let at_work = place.other_process().await?;
    let share = if kind == Kind::Postgres { "FOR SHARE" } else { "LOCK IN SHARE MODE" };
    exec(&at_work, &format!("SELECT 1 FROM cluster_mode WHERE id = 1 {share}")).await?;
    catalog.commit(set().expect(Expect::Setting("none".into(), None))).await?;
    let (from, service_node) = (catalog.revision().await?, Some(NodeName::new("web-2")?));
    let change = InstanceChange::Mode { from, mode: ClusterMode::LoadBalanced, service_node };
    meanwhile(&place, at_work, &catalog, set().with(change)).await??;
    ensure!(catalog.instance().await?.mode == ClusterMode::LoadBalanced);
    Ok(())
}

async fn a_mode_under_which_jobs_are_claimed_all_the_time_can_be_changed(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    catalog.commit(set().with(InstanceChange::Settle(NodeName::new("web-1")?))).await?;
    let mut busy = Vec::new();
    for _ in 0..6 {
        let catalog = catalog.clone();
        busy.push(tokio::spawn(async move {
            loop {
                let Ok(set) = serving("web-1") else { return };
                if catalog.commit(set).await.is_err() {
                    return;
                }
            }
        }));
    }
    let from = catalog.revision().await?;
    let change = InstanceChange::Mode { from, mode: ClusterMode::LoadBalanced, service_node: None };
    let changed = catalog.commit(set().with(change)).await;
    // All of them are told, and end.
    for one in busy {
        if tokio::time::timeout(Duration::from_secs(20), one).await.is_err() {
            bail!("somebody went on serving");
        }
    }
    changed?;
    Ok(())
}
