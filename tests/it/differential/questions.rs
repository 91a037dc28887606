//! Random questions to one catalogue; asked of another with the same dice, they must be answered
//! the same.

use super::steps::{BYTES, FEEDS, PACKAGES, VERSIONS, WORDS, file_name};
use super::{resolve, work};
use anyhow::ensure;
use proget_core::blob::BlobKey;
use proget_core::catalog::{Catalog, Found, Page, PageRequest, Search, VersionFilter, Visibility};
use proget_core::conformance::{Dice, sample};
use proget_core::package::FileRef;
use proget_tests::Outcome;
use std::fmt::Write as _;
use std::time::Duration;

/// Answers to some questions of each kind, a line each.
pub(super) async fn answers(catalog: &dyn Catalog, dice: &mut Dice) -> Outcome<String> {
    let mut text = String::new();
    for _ in 0..2 {
        let name = *dice.pick(&FEEDS);
        let feed = resolve::feed(catalog, name).await?;
        let search = search(dice);
        let limit = u32::try_from(1 + dice.below(4))?;
        let mut found = Vec::new();
        let mut request = PageRequest::first(limit);
        while let Some(next) = note(&mut found, catalog.search(feed, &search, &request).await?, limit)? {
            request = next;
        }
        writeln!(text, "{name} {search:?} by {limit}: {found:?}")?;
        let filter = filter(dice);
        let mut found = Vec::new();
        let mut request = PageRequest::first(limit);
        while let Some(next) = note(&mut found, catalog.versions(feed, &filter, &request).await?, limit)? {
            request = next;
        }
        writeln!(text, "{name} {filter:?} by {limit}: {found:?}")?;
        let at = (name, *dice.pick(&PACKAGES), *dice.pick(&VERSIONS));
        for file in [0, 1] {
            let wanted = FileRef { package: sample::name(at.1), file: file_name(at, file) };
            let found = catalog.file(feed, &wanted).await?;
            let found = found.map(|found| (found.version, found.status, found.file.key, found.file.fragment));
            writeln!(text, "{at:?} {file}: {found:?}")?;
        }
    }
    writeln!(text, "to be done: {:?}", work::claimable(catalog).await?)?;
    let keys: Vec<BlobKey> = doomed_and_known(catalog).await?;
    let strays = catalog.strays(&sample::store(), &keys).await?;
    ensure!(strays.is_empty(), "what is known or doomed is no stray: {strays:?}");
    Ok(text)
}

/// Adds a page's rows and says how the next page is asked for, if there is one.
fn note(found: &mut Vec<String>, page: Page<Found>, limit: u32) -> Outcome<Option<PageRequest>> {
    ensure!(page.rows.len() <= limit as usize, "a page of more rows than asked for");
    ensure!(found.len() < 1000, "paging never comes to an end");
    for row in page.rows {
        let files: Vec<_> = row.version.files.iter().map(|file| (&file.name, file.key)).collect();
        found.push(format!("{} {} {files:?}", row.package.name, row.version.version));
    }
    Ok(page.next.map(|after| PageRequest { after: Some(after), limit }))
}

fn search(dice: &mut Dice) -> Search {
    let mut text = Vec::new();
    for _ in 0..dice.below(3) {
        let word = *dice.pick(&WORDS);
        // A piece of a word, in another case.
        let end = word.char_indices().map(|(at, _)| at).nth(1 + dice.below(3)).unwrap_or(word.len());
        text.push(if dice.percent(50) { word[..end].to_ascii_uppercase() } else { word.to_owned() });
    }
    Search {
        text,
        name: dice.percent(15).then(|| sample::name(dice.pick::<&str>(&PACKAGES))),
        prefix: dice.percent(25).then(|| (*dice.pick(&["@acme/", "a_", "l", "ä", "", "L"])).to_owned()),
        stable_only: dice.percent(30),
        visibility: if dice.percent(50) { Visibility::All } else { Visibility::Listed },
    }
}

fn filter(dice: &mut Dice) -> VersionFilter {
    VersionFilter {
        name: dice.percent(50).then(|| sample::name(dice.pick::<&str>(&PACKAGES))),
        version: dice.percent(30).then(|| sample::version_key(dice.pick::<&str>(&VERSIONS))),
    }
}

async fn doomed_and_known(catalog: &dyn Catalog) -> Outcome<Vec<BlobKey>> {
    let doomed = catalog.doomed(&sample::store(), Duration::ZERO, 1000).await?;
    let mut keys: Vec<BlobKey> = doomed.iter().map(|row| row.key).collect();
    for bytes in BYTES {
        let digest = sample::blob_key(bytes).digest;
        keys.extend(catalog.blob(&sample::store(), &digest).await?.map(|row| row.key));
    }
    Ok(keys)
}
