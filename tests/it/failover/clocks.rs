//! Clocks that are wrong, each process's in its own way. Leases are counted by the database, trust by
//! what the operating system counts; what a node believes about the time of day decides nothing.
//!
//! libfaketime stands between the program and its clocks. Once it leaves the monotonic clock alone, as an
//! operator does who sets the time; once it falsifies that too, by more than any margin allows for.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use proget_tests::{Cluster, Outcome, cluster};

use super::house::{GRACE, House, Kind};

const HOUR: i64 = 3_600_000;

/// Is the clock that never goes back falsified too?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Monotonic {
    True,
    False,
}

pub(super) async fn a_wrong_time_of_day_decides_nothing(kind: Kind) -> Outcome {
    wrong(kind, Monotonic::True, [("a", "+3h"), ("b", "-2h"), ("c", "+0 x1.05")]).await
}

pub(super) async fn clocks_that_run_too_fast_and_too_slow_lose_nothing(kind: Kind) -> Outcome {
    wrong(kind, Monotonic::False, [("a", "+3h x0.8"), ("b", "-2h x1.5"), ("c", "+0 x1.1")]).await
}

async fn wrong(kind: Kind, monotonic: Monotonic, clocks: [(&str, &str); 3]) -> Outcome {
    let database = kind.database().await?;
    let mut cluster = Cluster::new(&database, &format!("{}s", GRACE.as_secs()))?;
    let library = library()?;
    for (name, time) in clocks {
        cluster.vary(name, |setup| {
            let setup = setup.env("LD_PRELOAD", library.display().to_string()).env("FAKETIME", time);
            let left_alone = if monotonic == Monotonic::True { "1" } else { "0" };
            setup.env("DONT_FAKE_MONOTONIC", left_alone).env("FAKETIME_DISABLE_SHM", "1")
        });
    }
    let mut house = House::built(&database, cluster).await?;
    let status = house.cluster.until("c", "the skews are known", |status| {
        let skew = |name| cluster::node(status, name).map_or(0, |node| node.skew_ms);
        skew("a") > 2 * HOUR && skew("b") < -HOUR
    });
    let status = status.await?;
    for name in ["a", "b"] {
        let warned = status.warnings.iter().any(|warning| {
            warning.node.as_ref().is_some_and(|node| node.as_str() == name)
                && warning.what.contains("its clock is")
        });
        ensure!(warned, "nobody is warned of the clock of {name}: {:#?}", status.warnings);
    }
    house.is_whole("clocks were wrong").await?;
    killed(&mut house).await?;
    frozen(&mut house).await?;
    house.close().await
}

async fn killed(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let begun = Instant::now();
    house.cluster.kill(&[&primary]).await?;
    let took = house.succession(before, begun).await?;
    println!("{primary}, primary with a wrong clock, was killed: another had planted after {took:?}");
    house.is_whole("a primary with a wrong clock was killed").await?;
    house.cluster.bring_back(&[&primary]).await
}

async fn frozen(house: &mut House) -> Outcome {
    let any = house.cluster.other_than(&[])?;
    // Whose clock is slow may lose the role to impatience: whoever holds it now is frozen.
    let primary = house.primary(&any).await?;
    let before = house.fence().await?;
    house.cluster.node_mut(&primary)?.freeze()?;
    let took = house.succession(before, Instant::now()).await?;
    println!("{primary}, primary with a wrong clock, was frozen: another had planted after {took:?}");
    house.load.goes_on().await?;
    house.cluster.node_mut(&primary)?.thaw()?;
    ensure!(!house.may_write(before).await?, "a late write of a primary with a wrong clock was let in");
    house.is_whole("a primary with a wrong clock was frozen").await
}

/// Debian's package keeps it in a folder per architecture.
fn library() -> Outcome<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten();
    let found =
        folders.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|file| file.is_file());
    found.context("libfaketime is not installed: run ./test.sh, which installs what the tests need")
}
