//! Many processes want the same names at once: one wins, the others learn why they did not.

use std::sync::Arc;

use anyhow::{bail, ensure};
use proget_core::access::Rights;
use proget_core::catalog::{
    AccountChange, Accounts as _, Catalog as _, CatalogError, Committed, Conflict, FeedChange, Feeds as _,
    NewUser, Packages as _,
};
use proget_core::conformance::sample::{self, set};
use proget_core::feed::FeedSettings;
use proget_storage::sql::SqlCatalog;
use proget_tests::Outcome;

use super::place::{Kind, Place, create_feed, on_every_database, publish};

on_every_database!(
    every_file_has_one_publisher,
    every_feed_name_has_one_feed,
    a_new_instance_has_one_first_user,
    every_version_of_a_package_that_many_publish_is_kept,
);

const PROCESSES: usize = 4;
const CLIENTS: usize = 16;

type Answer = Result<Committed, CatalogError>;

/// What `CLIENTS` clients of `PROCESSES` processes are answered when they all do this at once.
async fn all_at_once<F>(place: &Place, act: impl Fn(Arc<SqlCatalog>, usize) -> F) -> Outcome<Vec<Answer>>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let processes = place.open_many(PROCESSES).await?;
    let start = |client: usize| tokio::spawn(act(processes[client % PROCESSES].clone(), client));
    let mut answers = Vec::new();
    for answer in (0..CLIENTS).map(start).collect::<Vec<_>>() {
        answers.push(answer.await?);
    }
    Ok(answers)
}

fn one_wins(answers: &[Answer], otherwise: Conflict) -> Outcome {
    let mut winners = 0;
    for answer in answers {
        match answer {
            Ok(_) => winners += 1,
            Err(CatalogError::Conflict(conflict)) if *conflict == otherwise => {}
            other => bail!("a loser must be told {otherwise:?}, not {other:?}"),
        }
    }
    ensure!(winners == 1, "{winners} of {} won", answers.len());
    Ok(())
}

async fn every_file_has_one_publisher(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let feed = create_feed(place.open().await?.as_ref(), "f").await?;
    for round in 0..5 {
        let name = format!("package-{round}");
        let answers = all_at_once(&place, |catalog, _| {
            let (feed, name) = (feed.clone(), name.clone());
            async move { publish(&catalog, &feed, &name, "1.0").await }
        });
        one_wins(&answers.await?, Conflict::FileExists)?;
    }
    let totals = place.open().await?.totals(feed.id).await?;
    ensure!((totals.packages, totals.versions) == (5, 5), "{totals:?}");
    Ok(())
}

async fn every_feed_name_has_one_feed(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    for round in 0..3 {
        let answers = all_at_once(&place, |catalog, client| {
            // The wanted name is now a name, now an alternate one, in different spellings.
            let wanted =
                sample::feed_name(&format!("{}ame-{round}", if client % 2 == 0 { "N" } else { "n" }));
            let own = sample::feed_name(&format!("own-{round}-{client}"));
            let (name, alternate_names) =
                if client % 3 == 0 { (own, vec![wanted]) } else { (wanted, Vec::new()) };
            let settings = FeedSettings { alternate_names, ..FeedSettings::default() };
            let create = FeedChange::Create { name, format: sample::format_id(), settings };
            async move { catalog.commit(set().with(create)).await }
        });
        one_wins(&answers.await?, Conflict::NameTaken)?;
    }
    ensure!(place.open().await?.feeds().await?.len() == 3);
    Ok(())
}

async fn a_new_instance_has_one_first_user(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let answers = all_at_once(&place, |catalog, client| {
        let user =
            NewUser { name: format!("admin-{client}"), password: None, rights: Rights::full_control() };
        async move { catalog.commit(set().with(AccountChange::CreateFirstUser(user))).await }
    });
    one_wins(&answers.await?, Conflict::NameTaken)?;
    ensure!(place.open().await?.users().await?.len() == 1);
    Ok(())
}

async fn every_version_of_a_package_that_many_publish_is_kept(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let feed = create_feed(place.open().await?.as_ref(), "f").await?;
    let answers = all_at_once(&place, |catalog, client| {
        let feed = feed.clone();
        async move { publish(&catalog, &feed, "p", &format!("1.{client}")).await }
    });
    for answer in answers.await? {
        answer?;
    }
    let rows = place.open().await?.rows(feed.id, &sample::name("p")).await?;
    let versions = rows.map(|rows| rows.versions.len());
    ensure!(versions == Some(CLIENTS), "{versions:?} of {CLIENTS} versions are there");
    Ok(())
}
