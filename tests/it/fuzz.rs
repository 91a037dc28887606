//! The inputs that fuzz targets begin with, and those that they once failed on, without libFuzzer.
//!
//! The targets' own file is included here, so nothing can be forgotten or differ. New inputs are
//! found by `tests/fuzz.sh`; see docs/TESTING.md.

use anyhow::ensure;
use proget_tests::Outcome;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use targets::{TARGETS, Verdict};

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub(crate) mod targets;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

/// What a folder of ours holds, without what its names end with; empty if there is no such folder.
fn names(folder: &Path, ending: &str) -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.insert(name.strip_suffix(ending).unwrap_or(&name).to_owned());
    }
    Ok(names)
}

/// Tries all inputs of a target in a folder; a failure ends the test and names the input.
fn try_all(kind: &str, target: &targets::Target) -> Outcome<Vec<Verdict>> {
    let place = folder(kind).join(target.name);
    let mut verdicts = Vec::new();
    for input in names(&place, "")? {
        let bytes = std::fs::read(place.join(&input))?;
        println!("{kind}/{}/{input}", target.name);
        verdicts.push((target.run)(&bytes));
    }
    Ok(verdicts)
}

#[test]
fn every_input_that_is_kept_holds_what_its_target_asks() -> Outcome {
    for target in TARGETS {
        let verdicts = try_all("seeds", target)?;
        for needed in [Verdict::Accepted, Verdict::Refused] {
            ensure!(verdicts.contains(&needed), "no seed of {} ends as {needed:?}", target.name);
        }
        try_all("regressions", target)?;
    }
    Ok(())
}

#[test]
fn every_target_has_a_program_and_no_input_lies_where_nobody_looks() -> Outcome {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    ensure!(names(&folder("targets"), ".rs")? == targets, "the programs in fuzz/targets are not the targets");
    ensure!(names(&folder("seeds"), "")? == targets, "the folders in fuzz/seeds are not the targets");
    let stray: Vec<_> = names(&folder("regressions"), "")?.difference(&targets).cloned().collect();
    ensure!(stray.is_empty(), "fuzz/regressions has {stray:?}, and no targets of these names");
    let manifest = std::fs::read_to_string(folder("Cargo.toml"))?;
    for name in targets {
        ensure!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is no [[bin]]");
    }
    Ok(())
}
