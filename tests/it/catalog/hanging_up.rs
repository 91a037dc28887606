//! Callers who leave in the middle of a read, at every point of it. The connection that they leave
//! behind must show the next caller what is there *then*.

use anyhow::ensure;
use futures::poll;
use proget_core::catalog::{Packages as _, StampOf, Stamps as _};
use proget_core::conformance::sample;
use proget_storage::sql::{SqlCatalog, SqlOptions};
use proget_tests::Outcome;
use std::time::Duration;

use super::place::{Kind, Place, create_feed, on_every_database, publish};

on_every_database!(
    a_read_that_was_broken_off_leaves_no_old_moment_behind,
    a_question_that_was_broken_off_leaves_no_answer_behind_and_keeps_no_connection
);

async fn a_read_that_was_broken_off_leaves_no_old_moment_behind(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    // One connection for reads, so whoever comes next gets the one that was left.
    let options = SqlOptions { readers: 1, ..SqlOptions::default() };
    let reader = SqlCatalog::open(&place.url, options).await;
    let reader = std::sync::Arc::new(reader?);
    let writer = if kind == Kind::Sqlite { reader.clone() } else { place.open().await? };
    let feed = create_feed(&writer, "f").await?;
    publish(&writer, &feed, "p", "1.0").await?;
    let (name, questions) = (sample::name("p"), [StampOf::Package(feed.id, sample::name("p"))]);
    let mut published = 1;
    for steps in 0..14 {
        for _ in 0..3 {
            reader.rows(feed.id, &name).await?;
            let mut reading = Box::pin(reader.rows(feed.id, &name));
            for step in 0..=steps {
                // Time for an answer before each step but the first, and none before leaving.
                if step > 0 {
                    tokio::time::sleep(Duration::from_micros(300)).await;
                }
                if poll!(&mut reading).is_ready() {
                    break;
                }
            }
            drop(reading);
            // If the connection is in a transaction that nobody knows of, this is its moment.
            reader.stamps(&questions).await?;
            published += 1;
            publish(&writer, &feed, "p", &format!("{published}.0")).await?;
            let (now, seen) = (writer.stamps(&questions).await?, reader.stamps(&questions).await?);
            ensure!(now == seen, "an old stamp, after a read that was broken off at step {steps}");
            let rows = reader.rows(feed.id, &name).await?;
            let versions = rows.map_or(0, |rows| rows.versions.len());
            ensure!(versions == published, "{versions} of {published} versions, broken off at step {steps}");
        }
    }
    Ok(())
}

/// Questions about stamps have a connection at hand, on which one follows the other.
async fn a_question_that_was_broken_off_leaves_no_answer_behind_and_keeps_no_connection(
    kind: Kind,
) -> Outcome {
    let place = Place::fresh(kind).await?;
    let options = SqlOptions { readers: 2, ..SqlOptions::default() };
    let reader = SqlCatalog::open(&place.url, options).await?;
    let name = |number: usize| sample::name(&format!("p{number}"));
    let feed = create_feed(&reader, "f").await?;
    let mut stamps = Vec::new();
    for number in 0..4 {
        publish(&reader, &feed, &format!("p{number}"), "1.0").await?;
        stamps.extend(reader.stamps(&[StampOf::Package(feed.id, name(number))]).await?);
    }
    for steps in 0..60 {
        let (left, next) = (steps % 4, (steps + 1) % 4);
        {
            let questions = [StampOf::Package(feed.id, name(left))];
            let mut asking = Box::pin(reader.stamps(&questions));
            for step in 0..=steps % 6 {
                if step > 0 {
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
                if poll!(&mut asking).is_ready() {
                    break;
                }
            }
        }
        let answer = reader.stamps(&[StampOf::Package(feed.id, name(next))]).await?;
        ensure!(answer == [stamps[next]], "the answer to another question, broken off at step {}", steps % 6);
        // The other connection is free for everybody else.
        ensure!(reader.rows(feed.id, &name(next)).await?.is_some(), "a package is gone");
    }
    Ok(())
}
