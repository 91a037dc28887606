//! The eight connections: what they publish, and what they find when the server is back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use proget_core::conformance::Dice;
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, Registry};
use serde_json::Value;

use super::entry::{Answer, Contents, Entry};
use super::packument;

const CONNECTIONS: usize = 8;

/// Fewer packages than connections, so that they meet in the same rows.
const PACKAGES: usize = 5;

pub(super) struct Crew {
    workers: Vec<Worker>,
}

impl Crew {
    pub(super) fn new(feed: &Registry, dice: &mut Dice) -> Self {
        let worker = |number| Worker {
            number,
            feed: feed.clone(),
            dice: Dice::seeded(dice.roll()),
            http: reqwest::Client::new(),
            entries: Vec::new(),
            requests: 0,
            answered: 0,
        };
        Self { workers: (0..CONNECTIONS).map(worker).collect() }
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
            cut.extend(request?);
        }
        Ok(cut)
    }

    /// Looks at everything that is new, and at no more than `limit` of the rest.
    pub(super) async fn look(&mut self, feed: &Registry, dice: &mut Dice, limit: usize) -> Outcome {
        let listed = listed(feed).await?;
        let all: usize = self.workers.iter().map(|worker| worker.entries.len()).sum();
        let chance = if all <= limit { 100 } else { limit * 100 / all };
        for worker in &mut self.workers {
            worker.dice = Dice::seeded(dice.roll());
        }
        try_join_all(self.workers.iter_mut().map(|worker| worker.look(&listed, chance))).await?;
        Ok(())
    }

    /// How many versions the feed lists.
    pub(super) async fn present(&self, feed: &Registry) -> Outcome<usize> {
        Ok(listed(feed)
            .await?
            .values()
            .filter_map(|document| document["versions"].as_object())
            .map(|all| all.len())
            .sum())
    }

    pub(super) fn summary(&self) -> String {
        let sum = |count: fn(&Worker) -> usize| self.workers.iter().map(count).sum::<usize>();
        format!(
            "{} publishes sent, {} answered; {} versions tried, {} acknowledged or found",
            sum(|worker| worker.requests),
            sum(|worker| worker.answered),
            sum(|worker| worker.entries.len()),
            sum(|worker| worker.entries.iter().filter(|entry| entry.is_acknowledged()).count()),
        )
    }
}

/// All packuments by name.
async fn listed(feed: &Registry) -> Outcome<BTreeMap<String, Value>> {
    let http = reqwest::Client::new();
    let mut all = BTreeMap::new();
    for number in 0..PACKAGES {
        let name = format!("shared-{number}");
        if let Some(document) = packument(&http, feed, &name).await? {
            all.insert(name, document);
        }
    }
    Ok(all)
}

/// One connection and the versions that only it publishes.
struct Worker {
    number: usize,
    feed: Registry,
    dice: Dice,
    http: reqwest::Client,
    entries: Vec<Entry>,
    requests: usize,
    answered: usize,
}

impl Worker {
    /// Publishes until the connection breaks; gives the id of the request that broke.
    async fn publish_on(&mut self, struck: &AtomicBool) -> Outcome<Option<String>> {
        loop {
            let at = self.choose();
            let again = self.entries[at].known().filter(|_| self.dice.percent(50));
            let contents = again.unwrap_or_else(|| Contents::any(&mut self.dice));
            let (digest, body) = self.entries[at].document(contents, &self.feed.url)?;
            if struck.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let request = format!("w{}-n{}", self.number, self.requests);
            self.requests += 1;
            let url = format!("{}{}", self.feed.url, self.entries[at].name);
            let put = self.http.put(url).bearer_auth(ADMIN_KEY).header("x-request-id", &request);
            let sent = put.header("content-type", "application/json").body(body).send().await;
            let answer = match sent {
                // An answer counts from its last byte on, as it does for npm.
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.text().await.map(|text| (status, text))
                }
                Err(error) => Err(error),
            };
            let known = match answer {
                Ok((200 | 201, _)) => Answer::Yes,
                Ok((403, _)) => Answer::No,
                // Busy: nothing is promised.
                Ok((503, _)) => Answer::None,
                Ok((status, text)) => bail!("request {request} was answered {status}: {text}"),
                Err(error) => {
                    self.entries[at].note(contents, digest, Answer::None)?;
                    wait_for(struck)
                        .await
                        .with_context(|| format!("request {request} broke off: {error:#}"))?;
                    return Ok(Some(request));
                }
            };
            self.answered += 1;
            self.entries[at].note(contents, digest, known)?;
        }
    }

    /// Mostly a new version; sometimes one that was sent before.
    fn choose(&mut self) -> usize {
        if !self.entries.is_empty() && self.dice.percent(20) {
            return self.dice.below(self.entries.len());
        }
        let name = format!("shared-{}", self.dice.below(PACKAGES));
        let version = format!("{}.{}.0", self.number, self.entries.len());
        self.entries.push(Entry::new(name, version));
        self.entries.len() - 1
    }

    async fn look(&mut self, listed: &BTreeMap<String, Value>, chance: usize) -> Outcome {
        for entry in &mut self.entries {
            if !entry.fresh && !self.dice.percent(chance) {
                continue;
            }
            let (name, version) = (&entry.name, &entry.version);
            let url = format!("{}{name}/-/{name}-{version}.tgz", self.feed.url);
            let answer = self.http.get(url).bearer_auth(ADMIN_KEY).send().await?;
            let found = match answer.status().as_u16() {
                404 => None,
                _ => Some(Sha256::of(&answer.error_for_status()?.bytes().await?)),
            };
            let listed = listed.get(name).is_some_and(|document| document["versions"].get(version).is_some());
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
