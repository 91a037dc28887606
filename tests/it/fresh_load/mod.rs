//! Read your writes (P3) at full load: what one node acknowledged no other may deny, not in one
//! of some thousand reads, while every connection is busy and every memory is hot.
//!
//! Writers publish, replace, delete and republish, block and mark, each in packages of its own, so
//! that what every package must show is known at every moment. Readers keep both nodes busy. *All*
//! answers are judged, the readers' too: an answer must be a state of the package that was there
//! between the last acknowledgement before the question and the answer's arrival (`ledger`).
//!
//! A test that cannot fail proves nothing, so the same scenario runs over nodes whose check of
//! stamps is switched off in three ways (`blind`), and must catch each of them.

mod blind;
mod crates;
mod dialect;
mod ledger;
mod node;
mod npm;
mod pypi;
mod scenario;
mod world;

use anyhow::ensure;
use blind::{Blindness, InProcess};
use dialect::Dialect;
use node::Node;
use proget_core::conformance::Dice;
use proget_tests::{Outcome, Postgres, ServerSetup};
use scenario::{Load, play};
use world::Report;

/// For nodes that must pass. Bounded in count: a slow machine takes longer and asks as much.
const FULL: Load = Load { writers: 6, steps: 30, packages: 3, crowd: 24 };

/// For nodes that must be caught.
const SHORT: Load = Load { writers: 4, steps: 8, packages: 2, crowd: 12 };

/// Two processes on one PostgreSQL and one store.
async fn two_processes(dialect: &'static dyn Dialect) -> Outcome {
    let database = Postgres::fresh_database().await?;
    let store = tempfile::tempdir()?;
    let setup = ServerSetup::new().database(&database).packages_in(store.path());
    let (first, second) = tokio::try_join!(setup.clone().start(), setup.start())?;
    let nodes = [Node::at(&first.url()), Node::at(&second.url())];
    let report = play(dialect, nodes, FULL, Dice::new()).await?;
    judge(&report)?;
    // Sharing reads is half of what is tested here: without it a hole in it would not show.
    for process in [&first, &second] {
        let (reads, requests) = Node::at(&process.url()).stamp_reads_and_requests().await?;
        ensure!(
            reads * 10 < requests * 9,
            "{requests} requests made {reads} reads of stamps: none was shared"
        );
    }
    Ok(())
}

/// One process alone with its SQLite, which asks for no stamp at all.
async fn alone(dialect: &'static dyn Dialect) -> Outcome {
    let process = ServerSetup::new().start().await?;
    let node = Node::at(&process.url());
    judge(&play(dialect, [node.clone(), node], FULL, Dice::new()).await?)
}

/// Nothing was wrong, and it was a real trial: every kind of answer was there in numbers.
fn judge(report: &Report) -> Outcome {
    println!("{report}");
    ensure!(report.violations.is_empty(), "{report}");
    ensure!(report.looks > 5 * report.writes, "the load was too small to prove anything: {report}");
    ensure!(report.not_modified > 100 && report.absent > 50, "the answers were too uniform: {report}");
    Ok(())
}

/// A process and, on the same database and store, a node in this process whose catalogue is seen
/// through `blindness`.
async fn beside_a_blind_node(dialect: &'static dyn Dialect, blindness: Blindness) -> Outcome<Report> {
    let database = Postgres::fresh_database().await?;
    let store = tempfile::tempdir()?;
    let first = ServerSetup::new().database(&database).packages_in(store.path()).start().await?;
    let second = InProcess::start(&database, store.path(), blindness).await?;
    let nodes = [Node::at(&first.url()), Node::at(second.url())];
    let report = play(dialect, nodes, SHORT, Dice::new()).await?;
    println!("{blindness:?}: {report}");
    Ok(report)
}

async fn is_caught(dialect: &'static dyn Dialect, blindness: Blindness) -> Outcome {
    let report = beside_a_blind_node(dialect, blindness).await?;
    for (what, found) in [
        ("an old index", report.count(world::Wrong::Index)),
        ("an old index confirmed as unchanged", report.count(world::Wrong::Confirmed)),
        ("an old file", report.count(world::Wrong::File)),
    ] {
        ensure!(found > 0, "{what} was not noticed: {report}");
    }
    let blind = report.violations.iter().filter(|violation| violation.node == 1).count();
    ensure!(blind == report.violations.len(), "the node that checks was accused: {report}");
    Ok(())
}

/// One module a feed type, so that each can be run alone.
macro_rules! feed_types {
    ($($name:ident: $dialect:expr;)*) => {$(
        mod $name {
            use proget_tests::Outcome;

            #[tokio::test(flavor = "multi_thread")]
            async fn two_processes_never_show_an_old_index() -> Outcome {
                super::two_processes(&$dialect).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_process_alone_with_its_database_never_shows_an_old_index() -> Outcome {
                super::alone(&$dialect).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_node_that_believes_the_first_stamps_it_read_is_caught() -> Outcome {
                super::is_caught(&$dialect, super::Blindness::FirstStamps).await
            }
        }
    )*};
}

feed_types! {
    in_npm: super::npm::NPM;
    in_pypi: super::pypi::PYPI;
    in_cargo: super::crates::CARGO;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_this_process_that_checks_is_not_accused() -> Outcome {
    let report = beside_a_blind_node(&npm::NPM, Blindness::None).await?;
    ensure!(report.violations.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_believes_stamps_for_a_second_is_caught() -> Outcome {
    is_caught(&npm::NPM, Blindness::RecentStamps).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_believes_to_be_alone_but_is_not_is_caught() -> Outcome {
    is_caught(&npm::NPM, Blindness::Conceit).await
}
