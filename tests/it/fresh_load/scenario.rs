//! Who does what: writers that change their own packages through either node and look through the
//! other, and a crowd of readers who keep both nodes busy until the last writer is done.

use super::dialect::{Dialect, Edition, succeeds};
use super::ledger::{Ledger, Shown, State};
use super::node::{FEED, Node};
use super::world::{Ask, Reader, Report, World};
use anyhow::Context as _;
use futures::future::{join_all, try_join_all};
use proget_core::conformance::Dice;
use proget_tests::Outcome;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) writers: usize,
    /// Steps of each writer; some consist of two changes.
    pub(super) steps: usize,
    /// Packages of each writer.
    pub(super) packages: usize,
    /// Readers, half of them at each node.
    pub(super) crowd: usize,
}

/// So few versions in a package that each is soon met again: removed, republished, replaced.
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "3.0.0"];

/// Plays the scenario and tells what was seen. What the nodes answer wrongly is in the report; an
/// error is only what is no answer at all.
pub(super) async fn play(
    dialect: &'static dyn Dialect,
    nodes: [Node; 2],
    load: Load,
    mut dice: Dice,
) -> Outcome<Report> {
    nodes[0].create_feed(dialect.kind()).await?;
    let all = load.writers * load.packages;
    let names = (0..=all).map(|number| format!("package-{number}"));
    let versions = || VERSIONS.map(str::to_owned).to_vec();
    let ledgers = names.map(|name| Ledger::new(name, versions())).collect();
    let world = Arc::new(World::new(dialect, nodes, ledgers));
    let over = Arc::new(AtomicBool::new(false));
    let mut own_dice = || Dice::seeded(dice.roll());
    Writer::of(&world, all..all + 1, own_dice()).overture().await?;
    let crowd: Vec<_> = (0..load.crowd)
        .map(|number| tokio::spawn(read(world.clone(), number, own_dice(), over.clone())))
        .collect();
    let writers: Vec<_> = (0..load.writers)
        .map(|number| {
            let packages = number * load.packages..(number + 1) * load.packages;
            tokio::spawn(Writer::of(&world, packages, own_dice()).write(load.steps))
        })
        .collect();
    let written = join_all(writers).await;
    over.store(true, Ordering::SeqCst);
    let read = join_all(crowd).await;
    let context = || format!("seed {}", dice.seed());
    for outcome in written.into_iter().chain(read) {
        outcome?.with_context(context)?;
    }
    Ok(world.report(dice.seed()))
}

/// One of the crowd: asks for anything, remembers what it got, and now and then hangs up.
async fn read(world: Arc<World>, number: usize, mut dice: Dice, over: Arc<AtomicBool>) -> Outcome {
    let (reader, node) = (Reader::default(), number % 2);
    while !over.load(Ordering::SeqCst) {
        let ledger = dice.pick(&world.ledgers);
        let ask = if dice.percent(50) { Ask::IfChanged } else { Ask::Plainly };
        let (chosen, patience) = (dice.percent(70), dice.percent(3));
        let documents = world.dialect.documents(&ledger.name);
        let document = dice.pick(&documents);
        let version = dice.pick(&ledger.versions);
        let look = async {
            if chosen {
                world.look_at_document(&reader, node, ledger, document, ask).await
            } else {
                world.look_at_file(&reader, node, ledger, version, ask).await
            }
        };
        // Who hangs up may be the one that reads stamps for everybody else.
        let limit = if patience { Duration::from_micros(500) } else { Duration::from_secs(60) };
        match tokio::time::timeout(limit, look).await {
            Ok(looked) => looked?,
            Err(_) if patience => {}
            Err(late) => return Err(late).context("a node did not answer a reader in time"),
        }
    }
    Ok(())
}

/// A version as its writer left it.
#[derive(Clone, Debug)]
struct Kept {
    digest: String,
    marked: bool,
    blocked: bool,
}

/// A package and all that its writer knows about it.
#[derive(Debug)]
struct Owned {
    place: usize,
    versions: BTreeMap<String, Kept>,
}

impl Owned {
    /// What everybody must see.
    fn state(&self) -> State {
        let shown = self.versions.iter().filter(|(_, kept)| !kept.blocked);
        shown
            .map(|(version, kept)| {
                (version.clone(), Shown { digest: kept.digest.clone(), marked: kept.marked })
            })
            .collect()
    }
}

/// Changes its packages, one change at a time, and demands to see each.
#[derive(Debug)]
struct Writer {
    world: Arc<World>,
    packages: Vec<Owned>,
    reader: Reader,
    dice: Dice,
}

impl Writer {
    fn of(world: &Arc<World>, places: Range<usize>, dice: Dice) -> Self {
        let packages = places.map(|place| Owned { place, versions: BTreeMap::new() }).collect();
        Self { world: world.clone(), packages, reader: Reader::default(), dice }
    }

    /// Before there is any load: one version, seen by the second node from its first state on, and
    /// replaced, deleted and republished through the first.
    async fn overture(mut self) -> Outcome {
        let version = VERSIONS[0];
        self.publish(0, version, 0).await?;
        for _ in 0..4 {
            self.publish(0, version, 0).await?;
            self.remove(0, version, 0).await?;
            self.publish(0, version, 0).await?;
        }
        Ok(())
    }

    async fn write(mut self, steps: usize) -> Outcome {
        for _ in 0..steps {
            let at = self.dice.below(self.packages.len());
            let (node, then) = (self.dice.below(2), self.dice.below(2));
            let version = (*self.dice.pick(&VERSIONS)).to_owned();
            let Some(kept) = self.packages[at].versions.get(&version).cloned() else {
                self.publish(at, &version, node).await?;
                continue;
            };
            match self.dice.below(10) {
                0..=2 => self.remove(at, &version, node).await?,
                3..=5 => {
                    self.remove(at, &version, node).await?;
                    self.publish(at, &version, then).await?;
                }
                6 | 7 if !kept.blocked && !kept.marked => self.publish(at, &version, node).await?,
                6 | 7 => self.decide(at, &version, node, Kept { blocked: !kept.blocked, ..kept }).await?,
                _ => self.decide(at, &version, node, Kept { marked: !kept.marked, ..kept }).await?,
            }
        }
        Ok(())
    }

    /// Publishes a version, in the place of another one if it is there, with bytes nobody has seen.
    async fn publish(&mut self, at: usize, version: &str, node: usize) -> Outcome {
        let world = self.world.clone();
        let package = world.ledgers[self.packages[at].place].name.clone();
        let words = format!("edition {} of {package}", self.dice.roll());
        let edition = Edition { package, version: version.to_owned(), words };
        let feed = world.nodes[node].feed(world.dialect.kind());
        let (request, digest) = world.dialect.publish(&world.nodes[node], &feed, &edition)?;
        let kept = Kept { digest, marked: false, blocked: false };
        self.packages[at].versions.insert(version.to_owned(), kept);
        self.change(at, version, node, "publishing", request).await
    }

    async fn remove(&mut self, at: usize, version: &str, node: usize) -> Outcome {
        let request = self.about(at, version, node, "delete")?;
        self.packages[at].versions.remove(version);
        self.change(at, version, node, "deleting", request).await
    }

    /// Blocks or unblocks, marks or unmarks.
    async fn decide(&mut self, at: usize, version: &str, node: usize, to: Kept) -> Outcome {
        let was = self.packages[at].versions.insert(version.to_owned(), to.clone()).context("no version")?;
        let body = if was.blocked == to.blocked {
            self.world.dialect.mark(to.marked)
        } else {
            serde_json::json!({"allow": !to.blocked})
        };
        let request = self.about(at, version, node, "status")?.json(&body);
        self.change(at, version, node, "deciding about", request).await
    }

    fn about(&self, at: usize, version: &str, node: usize, verb: &str) -> Outcome<reqwest::RequestBuilder> {
        let name = &self.world.ledgers[self.packages[at].place].name;
        let path = format!("packages/{FEED}/{verb}");
        self.world.nodes[node].manage(&path, &[("name", name), ("version", version)])
    }

    /// Sends a change and, as soon as it is acknowledged, looks through both nodes at once on several
    /// connections: what has changed must be seen, also by who says that he has what was before.
    async fn change(
        &self,
        at: usize,
        version: &str,
        node: usize,
        doing: &str,
        request: reqwest::RequestBuilder,
    ) -> Outcome {
        let (world, reader) = (&*self.world, &self.reader);
        let ledger = &world.ledgers[self.packages[at].place];
        ledger.begin(self.packages[at].state());
        succeeds(&format!("{doing} {} {version}", ledger.name), request).await?;
        ledger.acknowledge();
        world.writes.fetch_add(1, Ordering::SeqCst);
        let (documents, other) = (world.dialect.documents(&ledger.name), 1 - node);
        let index =
            [(other, Ask::IfChanged), (other, Ask::Plainly), (node, Ask::Plainly)].map(|(node, ask)| {
                try_join_all(
                    documents.iter().map(move |one| world.look_at_document(reader, node, ledger, one, ask)),
                )
            });
        let file =
            [Ask::IfChanged, Ask::Plainly].map(|ask| world.look_at_file(reader, other, ledger, version, ask));
        tokio::try_join!(try_join_all(index), try_join_all(file))?;
        // What was just seen may be confirmed, as nobody else changes this package.
        let again = |one| world.look_at_document(reader, other, ledger, one, Ask::IfChanged);
        try_join_all(documents.iter().map(again)).await?;
        Ok(())
    }
}
