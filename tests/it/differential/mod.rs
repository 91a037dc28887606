//! The reference model against the real databases: the same random change sets are committed to
//! both, and after each of them everything that can be read must be the same.
//!
//! A failure prints the seed (`PROGET_SEED=… cargo test -p proget-tests differential::` repeats
//! it) and the steps up to the first difference; `PROGET_STEPS` makes the runs longer. Row numbers, stamps and times may differ; that a
//! stamp has changed may not.

mod questions;
mod resolve;
mod steps;
mod work;

use anyhow::ensure;
use proget_core::access::Actor;
use proget_core::catalog::{ChangeSet, StampOf};
use proget_core::conformance::{Dice, Shows, picture, sample};
use proget_core::ids::Stamp;
use proget_core::memory::MemoryCatalog;
use proget_core::memory::faulty::FaultyCatalog;
use proget_core::{Catalog, CatalogError};
use proget_storage::sql::{SqlCatalog, SqlOptions};
use proget_tests::{MariaDb, Outcome, Postgres};
use std::collections::BTreeMap;
use std::sync::Arc;
use steps::Step;

/// A catalogue and the stamps it had before the step.
struct Side {
    catalog: Box<dyn Catalog>,
    stamps: Vec<Option<Stamp>>,
}

impl Side {
    fn new(catalog: impl Catalog) -> Self {
        Self { catalog: Box::new(catalog), stamps: Vec::new() }
    }

    /// Commits the step and says what came of it.
    async fn take(&mut self, step: &Step) -> Outcome<String> {
        let set = resolve::change_set(step, &*self.catalog).await?;
        match self.catalog.commit(set).await {
            Ok(committed) => {
                let row = |row: &proget_core::catalog::BlobRow| {
                    format!("{} {} {:?} {} {}", row.key, row.size, row.state, row.reserved, row.references)
                };
                let claimed = committed.claimed.iter().map(|row| (&row.input, row.attempt, row.cancel));
                let claimed: Vec<_> = claimed.collect();
                let enqueued = committed.enqueued.len();
                let reserved: Vec<_> = committed.reserved.iter().map(row).collect();
                Ok(format!("done {reserved:?} {claimed:?} {enqueued}"))
            }
            Err(error @ (CatalogError::Conflict(_) | CatalogError::Fenced)) => Ok(format!("{error:?}")),
            Err(error) => Err(error.into()),
        }
    }

    /// Which stamps are there, and which of them have changed since the last time.
    async fn changed_stamps(&mut self) -> Outcome<Vec<(bool, bool)>> {
        let mut questions = Vec::new();
        for name in steps::FEEDS {
            questions.push(StampOf::Feed(name.to_lowercase()));
            let feed = resolve::feed(&*self.catalog, name).await?;
            questions.push(StampOf::Content(feed));
            questions.extend(steps::PACKAGES.map(|name| StampOf::Package(feed, sample::name(name))));
        }
        questions.extend(steps::USERS.map(|name| StampOf::User(name.to_lowercase())));
        let stamps = self.catalog.stamps(&questions).await?;
        let before = std::mem::replace(&mut self.stamps, stamps);
        let before = before.into_iter().chain(std::iter::repeat(None));
        Ok(self.stamps.iter().zip(before).map(|(now, before)| (now.is_some(), *now != before)).collect())
    }
}

/// The first line in which two pictures differ.
fn difference(model: &str, real: &str) -> String {
    let lines = model.lines().zip(real.lines()).find(|(model, real)| model != real);
    let (model, real) = lines.unwrap_or(("(one has more lines)", "(one has more lines)"));
    format!("model: {model}\n real: {real}")
}

/// Takes this many steps, or as many as the environment asks for, on the model and on a real catalogue.
async fn compare(real: impl Catalog, steps: usize) -> Outcome<BTreeMap<String, usize>> {
    let steps = std::env::var("PROGET_STEPS").ok().and_then(|asked| asked.parse().ok()).unwrap_or(steps);
    let mut dice = Dice::new();
    let (mut model, mut real) = (Side::new(MemoryCatalog::default()), Side::new(real));
    let mut history = Vec::new();
    let mut outcomes = BTreeMap::new();
    let (mut opening, mut recent) = (Step::opening().into_iter(), Vec::new());
    for number in 0..steps {
        let step = opening.next().unwrap_or_else(|| Step::random(&mut dice, &mut recent));
        history.push(format!("{number}: {step:?}"));
        let story = || {
            let last = history.iter().rev().take(40).rev().cloned().collect::<Vec<_>>().join("\n");
            format!("seed {}, step {number}; the last steps:\n{last}", dice.seed())
        };
        let (expected, found) = (model.take(&step).await?, real.take(&step).await?);
        ensure!(
            expected == found,
            "outcomes differ: the model {expected}, {} {found}; {}",
            real.catalog,
            story()
        );
        let kind = if expected.starts_with("done") { "done".to_owned() } else { expected };
        *outcomes.entry(kind).or_default() += 1;
        let expected = picture(&*model.catalog, Shows::WhatIsPortable).await;
        let found = picture(&*real.catalog, Shows::WhatIsPortable).await;
        ensure!(expected == found, "contents differ:\n{}\n{}", difference(&expected, &found), story());
        let (expected, found) = (model.changed_stamps().await?, real.changed_stamps().await?);
        ensure!(expected == found, "stamps changed differently:\n{expected:?}\n{found:?}\n{}", story());
        let mut same_dice = dice.clone();
        let expected = questions::answers(&*model.catalog, &mut dice).await?;
        let found = questions::answers(&*real.catalog, &mut same_dice).await?;
        let seed = dice.seed();
        ensure!(
            expected == found,
            "answers differ (seed {seed}, step {number}):\n{}",
            difference(&expected, &found)
        );
    }
    // A generator that is always refused would compare nothing.
    let done = outcomes.get("done").copied().unwrap_or(0);
    ensure!(done * 5 > steps, "only {done} of {steps} steps were done (seed {}): {outcomes:?}", dice.seed());
    Ok(outcomes)
}

#[tokio::test]
async fn the_model_agrees_with_itself_in_all_that_can_happen() -> Outcome {
    let outcomes = compare(MemoryCatalog::default(), 1500).await?;
    // What the steps never bring about is never compared.
    for wanted in [
        "Fenced",
        "Conflict(FeedChanged)",
        "Conflict(FileExists)",
        "Conflict(PackageChanged)",
        "Conflict(VersionAbsent)",
        "Conflict(BlobGone)",
        "Conflict(BlobTouched)",
        "Conflict(NameTaken)",
        "Conflict(Absent)",
        "Conflict(TermTooLow)",
        "Conflict(InstanceChanged)",
        "Conflict(NotServing)",
        "Conflict(JobTaken)",
        "Conflict(ClaimLost)",
        "Conflict(Occurred)",
    ] {
        ensure!(outcomes.contains_key(wanted), "no step ended with {wanted}: {outcomes:?}");
    }
    Ok(())
}

/// A catalogue that commits something else than it was told must be found out.
async fn is_found_out(what: &str, lie: fn(ChangeSet) -> ChangeSet) -> Outcome {
    let model = Arc::new(MemoryCatalog::default());
    let liar = FaultyCatalog::tampered(
        model,
        Box::new(move |inner, set| Box::pin(async move { inner.commit(lie(set)).await })),
    );
    ensure!(compare(liar, 1500).await.is_err(), "a catalogue that {what} passes for the model");
    Ok(())
}

#[tokio::test]
async fn a_catalogue_that_lies_is_found_out() -> Outcome {
    is_found_out("expects nothing", |set| ChangeSet { expect: Vec::new(), ..set }).await?;
    is_found_out("keeps no journal", |set| ChangeSet { entry: None, ..set }).await?;
    is_found_out("is somebody else", |set| ChangeSet { actor: Actor("somebody else".into()), ..set }).await?;
    is_found_out("reorders changes", |mut set| {
        set.changes.reverse();
        set
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn sqlite_is_what_the_model_says() -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/catalog.db", folder.path().display());
    compare(SqlCatalog::open(&url, SqlOptions::default()).await?, 250).await?;
    Ok(())
}

#[tokio::test]
async fn postgres_is_what_the_model_says() -> Outcome {
    let database = Postgres::fresh_database().await?;
    compare(SqlCatalog::open(&database.url, SqlOptions::default()).await?, 120).await?;
    Ok(())
}

#[tokio::test]
async fn mariadb_is_what_the_model_says() -> Outcome {
    let database = MariaDb::fresh_database().await?;
    compare(SqlCatalog::open(&database.url, SqlOptions::default()).await?, 120).await?;
    Ok(())
}
