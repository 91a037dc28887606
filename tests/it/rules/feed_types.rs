//! What every feed type of the standard server has: samples, tests of its protocol, of its real
//! clients and of its parsers, and a contract that says what is missing.
//!
//! That each row of a contract is requested by a test of the protocol is shown where these tests
//! are, in `proget-feeds/tests/it/contract.rs`.

use super::root;
use crate::fuzz::targets::TARGETS;
use anyhow::{Context as _, ensure};
use proget_feeds::http::Support;
use proget_server::{FeedFormat, FeedProtocol, compiled_in};
use proget_tests::Outcome;
use std::collections::BTreeSet;
use std::path::Path;

/// Collects what every type has to complain about, so that one run tells all.
fn all_types(check: impl Fn(&dyn FeedProtocol, &mut Vec<String>) -> Outcome) -> Outcome {
    let (types, mut complaints) = (compiled_in(), Vec::new());
    ensure!(!types.is_empty(), "no feed type is compiled in");
    for protocol in types {
        let mut own = Vec::new();
        check(&*protocol, &mut own)?;
        complaints.extend(own.into_iter().map(|text| format!("{}: {text}", protocol.format().id())));
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

#[test]
fn every_feed_type_has_samples_of_all_kinds() -> Outcome {
    all_types(|protocol, complaints| {
        let (format, samples) = (protocol.format(), protocol.format().samples());
        for (kind, all) in [
            ("names", samples.names),
            ("bad_names", samples.bad_names),
            ("versions", samples.versions),
            ("bad_versions", samples.bad_versions),
        ] {
            if all.is_empty() {
                complaints.push(format!("samples without {kind}"));
            }
        }
        // Only where names are compared as they are written has each package one spelling.
        if samples.same_names.is_empty() && !compares_as_written(format) {
            complaints.push("samples without same_names, though names have several spellings".to_owned());
        }
        Ok(())
    })
}

fn compares_as_written(format: &dyn FeedFormat) -> bool {
    let mut names = format.samples().names.iter().filter_map(|raw| Some((raw, format.name(raw).ok()?)));
    let upper = |raw: &str| format.name(&raw.to_uppercase()).is_err() || raw == raw.to_uppercase();
    names.all(|(raw, name)| name.key().as_str() == *raw && upper(raw))
}

/// All Rust sources of a folder, and of the folders in it.
fn sources(folder: &Path, text: &mut String) -> Outcome {
    for entry in folder.read_dir().with_context(|| format!("there is no {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, text)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&std::fs::read_to_string(path)?);
        }
    }
    Ok(())
}

#[test]
fn every_feed_type_has_tests_of_its_protocol_and_of_its_clients() -> Outcome {
    let expected = std::fs::read_to_string(root().join("tests/expected-tests.txt"))?;
    all_types(|protocol, complaints| {
        let id = protocol.format().id();
        let mut text = String::new();
        sources(&root().join("proget-feeds/tests/it").join(id.as_str()), &mut text)?;
        if !text.contains("conformance::format(") {
            complaints.push("the suite of formats is not run".to_owned());
        }
        if !text.contains("#[tokio::test]") {
            complaints.push("no test sends a request".to_owned());
        }
        let mut text = String::new();
        sources(&root().join("tests/it/clients").join(id.as_str()), &mut text)?;
        let tests = text.matches("#[tokio::test").count();
        let listed = expected.lines().filter(|line| line.starts_with(&format!("clients::{id}::"))).count();
        if tests == 0 || listed < tests {
            complaints.push(format!("{tests} tests of real clients, {listed} in expected-tests.txt"));
        }
        Ok(())
    })
}

#[test]
fn every_feed_type_has_fuzz_targets_for_its_parsers() -> Outcome {
    all_types(|protocol, complaints| {
        for parser in ["names", "inspect", "route", "requests"] {
            let wanted = format!("{}_{parser}", protocol.format().id());
            if !TARGETS.iter().any(|target| target.name == wanted) {
                complaints.push(format!("no fuzz target {wanted}"));
            }
        }
        Ok(())
    })
}

#[test]
fn every_row_of_a_contract_says_where_it_is_specified_and_what_is_missing() -> Outcome {
    const METHODS: [&str; 5] = ["GET", "PUT", "POST", "PATCH", "DELETE"];
    all_types(|protocol, complaints| {
        let mut seen = BTreeSet::new();
        for row in protocol.contract() {
            let what = format!("{} {}", row.method, row.path);
            let missing = match row.support {
                Support::Full => "",
                Support::Partial(text) | Support::Absent(text) => text,
            };
            let told = (row.support == Support::Full) == missing.is_empty();
            let good = METHODS.contains(&row.method) && row.path.starts_with('/') && told;
            if !good || !row.specification.starts_with("https://") {
                complaints.push(format!("{what} is no row: {row:?}"));
            }
            if !seen.insert(what) {
                complaints.push(format!("{} {} is there twice", row.method, row.path));
            }
        }
        if seen.len() < 3 {
            complaints.push(format!("a contract of {} rows", seen.len()));
        }
        Ok(())
    })
}
