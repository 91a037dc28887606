//! The eight connections: what they publish, and what they find when the server is back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use proget_core::conformance::Dice;
use proget_tests::Outcome;

use super::entry::{Answer, Contents, Entry};
use super::kind::{Feeds, Kind};

const CONNECTIONS: usize = 8;

/// Fewer packages of each type than connections, so that they meet in the same rows.
const PACKAGES: usize = 5;

/// What each package's index lists.
type Listed = BTreeMap<(Kind, String), BTreeSet<String>>;

pub(super) struct Crew {
    feeds: Feeds,
    workers: Vec<Worker>,
    cut: BTreeMap<Kind, usize>,
}

impl Crew {
    pub(super) fn new(feeds: &Feeds, dice: &mut Dice) -> Self {
        let worker = |number| Worker {
            number,
            feeds: feeds.reconnected(),
            dice: Dice::seeded(dice.roll()),
            entries: Vec::new(),
            requests: 0,
            answered: 0,
        };
        let workers = (0..CONNECTIONS).map(worker).collect();
        Self { feeds: feeds.reconnected(), workers, cut: BTreeMap::new() }
    }

    /// Publishes until `kill` has struck; gives the ids of the requests that were then under way.
    pub(super) async fn publish_until(
        &mut self,
        kill: impl Future<Output = Outcome>,
    ) -> Outcome<Vec<String>> {
        let struck = Arc::new(AtomicBool::new(false));
        let mut at_work = Vec::new();
        for mut worker in self.workers.drain(..) {
            let struck = Arc::clone(&struck);
            at_work.push(tokio::spawn(async move {
                let cut = worker.publish_on(&struck).await;
                (worker, cut)
            }));
        }
        // If it fails the connections are left to break with the server's end.
        kill.await?;
        struck.store(true, Ordering::SeqCst);
        let mut cut = Vec::new();
        for worker in at_work {
            let (worker, request) = worker.await?;
            self.workers.push(worker);
            if let Some((kind, request)) = request? {
                *self.cut.entry(kind).or_default() += 1;
                cut.push(request);
            }
        }
        Ok(cut)
    }

    /// Looks at everything that is new, and at no more than `limit` of the rest.
    pub(super) async fn look(&mut self, dice: &mut Dice, limit: usize) -> Outcome {
        let listed = self.listed().await?;
        let all: usize = self.workers.iter().map(|worker| worker.entries.len()).sum();
        let chance = if all <= limit { 100 } else { limit * 100 / all };
        for worker in &mut self.workers {
            worker.dice = Dice::seeded(dice.roll());
        }
        try_join_all(self.workers.iter_mut().map(|worker| worker.look(&listed, chance))).await?;
        Ok(())
    }

    /// How many versions the feeds list.
    pub(super) async fn present(&self) -> Outcome<usize> {
        Ok(self.listed().await?.values().map(BTreeSet::len).sum())
    }

    async fn listed(&self) -> Outcome<Listed> {
        let mut all = BTreeMap::new();
        for kind in Kind::ALL {
            for number in 0..PACKAGES {
                let name = format!("shared-{number}");
                let versions = self.feeds.listed(kind, &name).await?;
                all.insert((kind, name), versions);
            }
        }
        Ok(all)
    }

    /// The feed types of which no publish was ever cut off.
    pub(super) fn never_cut(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| !self.cut.contains_key(kind)).collect()
    }

    pub(super) fn summary(&self) -> String {
        let sum = |count: fn(&Worker) -> usize| self.workers.iter().map(count).sum::<usize>();
        format!(
            "{} publishes sent, {} answered, cut off by type {:?}; {} versions tried, {} acknowledged or found",
            sum(|worker| worker.requests),
            sum(|worker| worker.answered),
            self.cut,
            sum(|worker| worker.entries.len()),
            sum(|worker| worker.entries.iter().filter(|entry| entry.is_acknowledged()).count()),
        )
    }
}

/// One connection and the versions that only it publishes.
struct Worker {
    number: usize,
    feeds: Feeds,
    dice: Dice,
    entries: Vec<Entry>,
    requests: usize,
    answered: usize,
}

impl Worker {
    /// Publishes until the connection breaks; gives the id of the request that broke.
    async fn publish_on(&mut self, struck: &AtomicBool) -> Outcome<Option<(Kind, String)>> {
        loop {
            let at = self.choose();
            let entry = &mut self.entries[at];
            let again = entry.known().filter(|_| self.dice.percent(50));
            let contents = again.unwrap_or_else(|| Contents::any(&mut self.dice));
            let (digest, publish) = self.feeds.publish(entry.kind, &entry.name, &entry.version, contents)?;
            if struck.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let request = format!("w{}-n{}", self.number, self.requests);
            self.requests += 1;
            let sent = publish.header("x-request-id", &request).send().await;
            let answer = match sent {
                // An answer counts from its last byte on, as it does for clients.
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.text().await.map(|text| (status, text))
                }
                Err(error) => Err(error),
            };
            match answer {
                Ok((status, text)) => {
                    let known = entry.kind.meaning(status, &text).with_context(|| request.clone())?;
                    self.answered += 1;
                    entry.note(contents, digest, known)?;
                }
                Err(error) => {
                    entry.note(contents, digest, Answer::None)?;
                    let kind = entry.kind;
                    wait_for(struck)
                        .await
                        .with_context(|| format!("request {request} broke off: {error:#}"))?;
                    return Ok(Some((kind, request)));
                }
            }
        }
    }

    /// Mostly a new version; sometimes one that was sent before.
    fn choose(&mut self) -> usize {
        if !self.entries.is_empty() && self.dice.percent(20) {
            return self.dice.below(self.entries.len());
        }
        let name = format!("shared-{}", self.dice.below(PACKAGES));
        let version = format!("{}.{}.0", self.number, self.entries.len());
        let kind = Kind::ALL[self.dice.below(Kind::ALL.len())];
        self.entries.push(Entry::new(kind, name, version));
        self.entries.len() - 1
    }

    async fn look(&mut self, listed: &Listed, chance: usize) -> Outcome {
        for entry in &mut self.entries {
            if !entry.fresh && !self.dice.percent(chance) {
                continue;
            }
            let found = self.feeds.file(entry.kind, &entry.name, &entry.version).await?;
            let versions = listed.get(&(entry.kind, entry.name.clone()));
            let listed = versions.is_some_and(|versions| versions.contains(&entry.version));
            entry.judge(listed, found)?;
        }
        Ok(())
    }
}

/// A connection may only break because the server was killed. Its end is seen here a moment
/// before the killer has buried it.
async fn wait_for(struck: &AtomicBool) -> Outcome {
    proget_tests::eventually("the server has been killed", proget_tests::SOON, || async {
        ensure!(struck.load(Ordering::SeqCst), "it was not killed");
        Ok(())
    })
    .await
}
