//! What is read together is of one moment, whatever is committed meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use proget_core::catalog::{Accounts as _, Catalog as _, PackageChange, Packages as _, StampOf, Stamps as _};
use proget_core::conformance::sample;
use proget_core::feed::Feed;
use proget_core::ids::Stamp;
use proget_core::package::FileRef;
use proget_core::package::Fragment;
use proget_storage::sql::SqlCatalog;
use proget_tests::Outcome;

use super::place::{Kind, LONG, Place, create_feed, on_every_database, publish, reserve_for};

on_every_database!(
    a_stamp_never_comes_with_content_that_is_not_its_own,
    many_questions_are_answered_like_few,
    names_that_no_database_would_keep_are_simply_not_there,
);

/// A version is replaced again and again; its fragment and its file's fragment name the round, and
/// come from different statements of a read.
async fn a_stamp_never_comes_with_content_that_is_not_its_own(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let processes = place.open_many(2).await?;
    let (writer, reader) = (processes[0].clone(), processes[1].clone());
    let feed = create_feed(&writer, "f").await?;
    replace(&writer, &feed, 0).await?;
    let done = Arc::new(AtomicBool::new(false));
    let reading = (0..4).map(|_| {
        let (reader, done, feed) = (reader.clone(), done.clone(), feed.id);
        tokio::spawn(async move {
            let mut seen: Vec<(Stamp, Fragment)> = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let rows = reader.rows(feed, &sample::name("p")).await?.context("the package")?;
                for version in rows.versions {
                    let file = version.files.first().context("a version was seen without its file")?;
                    ensure!(
                        file.fragment == version.fragment,
                        "{:?} with {:?}",
                        version.fragment,
                        file.fragment
                    );
                    seen.push((rows.package.stamp, version.fragment));
                }
            }
            Outcome::Ok(seen)
        })
    });
    let reading: Vec<_> = reading.collect();
    for round in 1..100 {
        replace(&writer, &feed, round).await?;
    }
    done.store(true, Ordering::SeqCst);
    let mut content = HashMap::new();
    for reader in reading {
        for (stamp, fragment) in reader.await?? {
            let known = content.entry(stamp).or_insert_with(|| fragment.clone());
            ensure!(*known == fragment, "one stamp came with {known:?} and with {fragment:?}");
        }
    }
    ensure!(content.len() > 1, "the readers saw no change at all");
    Ok(())
}

async fn replace(catalog: &SqlCatalog, feed: &Feed, round: usize) -> Outcome {
    let blob = reserve_for(catalog, &format!("round {round}"), LONG).await?;
    let mut new = sample::new_file(feed.id, "p", "1.0", &format!("round {round}"), &blob);
    (new.version_fragment, new.file_fragment) = {
        let fragment = sample::fragment(&format!("round {round}"));
        (fragment.clone(), fragment)
    };
    let mut changes = sample::set();
    if round > 0 {
        changes = changes.with(PackageChange::RemoveFile(feed.id, sample::name("p"), new.file.clone()));
    }
    catalog.commit(changes.with(PackageChange::AddFile(Box::new(new)))).await?;
    Ok(())
}

/// More questions than fit into one statement of the smallest database.
async fn many_questions_are_answered_like_few(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    for name in ["a", "b", "c"] {
        publish(&catalog, &feed, name, "1.0").await?;
    }
    let mut questions =
        vec![StampOf::Feed("f".into()), StampOf::Content(feed.id), StampOf::User("nobody".into())];
    for number in 0..1200 {
        let name = ["a", "b", "c", "absent"][number % 4];
        questions.push(StampOf::Package(feed.id, sample::name(name)));
    }
    let all = catalog.stamps(&questions).await?;
    ensure!(all.len() == questions.len());
    for (question, answer) in questions.iter().zip(&all).take(8) {
        let alone = catalog.stamps(std::slice::from_ref(question)).await?;
        ensure!(alone == [*answer], "{question:?}: {alone:?} alone, {answer:?} among many");
    }
    for four in all[3..].chunks(4) {
        ensure!(four == &all[3..7] && four[3].is_none() && four[0].is_some());
    }
    Ok(())
}

async fn names_that_no_database_would_keep_are_simply_not_there(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    for odd in ["an\0n", "\u{10ffff}", "'; DROP TABLE users; --", &"x".repeat(5000)] {
        ensure!(catalog.user(odd).await?.is_none());
        ensure!(catalog.stamps(&[StampOf::User(odd.into())]).await? == [None]);
        let name = proget_core::package::NameKey::stored(odd.into());
        ensure!(catalog.rows(feed.id, &name).await?.is_none());
        let file = FileRef { package: name, file: sample::file_name("f.tgz") };
        ensure!(catalog.file(feed.id, &file).await?.is_none());
        let search = proget_core::catalog::Search {
            text: vec![odd.into()],
            prefix: Some(odd.into()),
            ..Default::default()
        };
        let found = catalog.search(feed.id, &search, &proget_core::catalog::PageRequest::first(10)).await?;
        ensure!(found.rows.is_empty());
    }
    Ok(())
}
