//! A whole exchange of the encryption key on three nodes while clients publish: added by a rolling
//! restart, promoted through one node, followed by all without another, everything sealed anew, retired,
//! taken away by a second rolling restart. No request fails, sign-ins go on, and no key is ever shown.

use anyhow::{Context as _, ensure};
use proget_cluster::node::keys::KeyReport;
use proget_core::access::Actor;
use proget_core::catalog::{Catalog as _, ChangeSet, Instance as _};
use proget_core::keys::{EncryptionKey, Fingerprint, KeyRing, SecretChange, Stored};
use proget_tests::cluster::{Answered, KEY};
use proget_tests::server::ADMIN_PASSWORD;
use proget_tests::{Outcome, SOON, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Bring, House, Kind};

const NODES: [&str; 3] = ["a", "b", "c"];

/// So many secrets are sealed before the exchange begins.
const SECRETS: usize = 30;

/// What all of them say, for a search that must find nothing.
const SECRET: &str = "correct horse battery staple";

/// An exchange, and whatever was said to anybody in its course.
struct Exchange {
    house: House,
    old: EncryptionKey,
    new: EncryptionKey,
    /// A sign-in from before it began.
    session: String,
    said: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_encryption_key_is_exchanged_on_three_nodes_without_a_pause() -> Outcome {
    let house = House::open(Kind::Postgres, Bring::HighAvailability).await?;
    let (old, new) = (KEY.parse()?, EncryptionKey::generate()?);
    let session = sign_in(&house).await?;
    let mut exchange = Exchange { house, old, new, session, said: Vec::new() };
    exchange.secrets_are_sealed().await?;
    exchange.add().await?;
    exchange.promote().await?;
    exchange.all_is_sealed_anew().await?;
    exchange.retire().await?;
    exchange.take_away().await?;
    exchange.nothing_was_told()?;
    exchange.house.close().await
}

async fn sign_in(house: &House) -> Outcome<String> {
    let node = house.cluster.node("a")?;
    let url = format!("{}/npm/internal/-/user/org.couchdb.user:Admin", node.url());
    let wish = json!({ "name": "Admin", "password": ADMIN_PASSWORD });
    let answer = node.http().put(url).json(&wish).send().await?.error_for_status()?;
    let answer: Value = answer.json().await?;
    Ok(answer["token"].as_str().context("no token")?.to_owned())
}

impl Exchange {
    fn keys(&self) -> (Fingerprint, Fingerprint) {
        (self.old.fingerprint(), self.new.fingerprint())
    }

    /// As servers seal what they are told to keep.
    async fn secrets_are_sealed(&self) -> Outcome {
        let ring = KeyRing::new(vec![self.old.clone()])?;
        for place in 0..SECRETS {
            let name = format!("test/{place}");
            let change = SecretChange::seal(&name, SECRET.as_bytes(), &ring, self.old.fingerprint())?;
            let mut set = ChangeSet::by(Actor("test".into())).with(change.change);
            set.expect.extend(change.expect);
            self.house.catalog.commit(set).await?;
        }
        Ok(())
    }

    /// Demands that nothing failed, that clients get on and that the sign-in holds on every node.
    async fn goes_on(&self, after: &str) -> Outcome {
        self.house.is_whole(after).await?;
        self.house.nothing_failed(after)?;
        for name in NODES {
            let node = self.house.cluster.node(name)?;
            let url = format!("{}/npm/internal/-/whoami", node.url());
            let answer = node.http().get(url).bearer_auth(&self.session).send().await?;
            ensure!(answer.status().as_u16() == 200, "after {after} {name} does not know the sign-in");
        }
        Ok(())
    }

    async fn order(&mut self, through: &str, path: &str, key: Fingerprint) -> Outcome<Answered> {
        let path = format!("keys/{path}");
        let wish = json!({ "fingerprint": key });
        let answered = self.house.cluster.order(through, Method::POST, &path, wish).await?;
        self.said.push(answered.text.clone());
        Ok(answered)
    }

    async fn refused(&mut self, through: &str, path: &str, key: Fingerprint, because: &str) -> Outcome {
        let answered = self.order(through, path, key).await?;
        ensure!(answered.status == 409 && answered.text.contains(because), "{path}: {answered:?}");
        Ok(())
    }

    async fn report(&self, through: &str) -> Outcome<KeyReport> {
        let answered = self.house.cluster.order(through, Method::GET, "keys", Value::Null).await?.done()?;
        Ok(serde_json::from_str(&answered.text)?)
    }

    /// What the command line says there, and that it succeeded.
    async fn command(&mut self, node: &str, words: &[&str]) -> Outcome<String> {
        let answer = self.house.cluster.node(node)?.command(words).await?;
        self.said.push(answer.text());
        Ok(answer.succeeded()?.text())
    }

    /// Restarts one node after the other with other keys.
    async fn roll(&mut self, name: &str, keys: &str) -> Outcome {
        let node = self.house.cluster.node_mut(name)?;
        node.set_env("PROGET_ENCRYPTION_KEY", keys);
        node.restart().await?;
        self.house.load.goes_on().await?;
        self.house.nothing_failed(&format!("{name} was restarted with other keys"))
    }

    async fn add(&mut self) -> Outcome {
        let (_, new) = self.keys();
        let both = format!("{},{}", self.old.text().reveal(), self.new.text().reveal());
        self.refused("a", "promote", new, "has not got the key").await?;
        for (place, name) in NODES.into_iter().enumerate() {
            if let Some(first) = place.checked_sub(1).map(|_| NODES[0]) {
                let lacking = format!("is lacked by {};", NODES[place..].join(", "));
                self.refused(first, "promote", new, &lacking).await?;
            }
            self.roll(name, &both).await?;
        }
        let text = self.command("b", &["keys", "status"]).await?;
        ensure!(text.contains("a, b, c") && text.contains(&new.to_string()), "{text}");
        self.goes_on("the new key was added").await
    }

    async fn promote(&mut self) -> Outcome {
        let (old, new) = self.keys();
        self.refused("c", "retire", old, "seals; promote another one first").await?;
        let began: Vec<u32> = self.processes()?;
        self.order("b", "promote", new).await?.done()?;
        self.refused("a", "promote", new, "already seals").await?;
        for name in NODES {
            let said = self.house.cluster.until(name, "all follow", |status| {
                status.nodes.iter().all(|node| node.key_in_sync == Some(true) && node.phase == "serving")
            });
            said.await?;
            let report = self.report(name).await?;
            ensure!(report.sealing == Some(new), "{name} has not followed: {report:#?}");
        }
        ensure!(self.processes()? == began, "nobody was to be restarted");
        self.goes_on("the new key was promoted").await
    }

    fn processes(&self) -> Outcome<Vec<u32>> {
        NODES.iter().map(|name| self.house.cluster.node(name)?.id()).collect()
    }

    async fn all_is_sealed_anew(&mut self) -> Outcome {
        let (old, new) = self.keys();
        eventually("all is sealed anew", SOON, || async {
            let report = self.report("c").await?;
            let values =
                |key| report.keys.iter().find(|line| line.fingerprint == key).map(|line| line.values);
            let done = report.reseal.as_ref().is_some_and(|reseal| reseal.state == "done");
            ensure!(done && values(old) == Some(0) && values(new) == Some(SECRETS as u64 + 1), "{report:#?}");
            Ok(())
        })
        .await?;
        let only_new = KeyRing::new(vec![self.new.clone()])?;
        let stored = Stored::read(&self.house.catalog.settings().await?)?;
        ensure!(stored.len() == SECRETS, "{} secrets are left", stored.len());
        for one in stored {
            ensure!(one.open(&only_new)?.reveal() == SECRET.as_bytes(), "{} says something else", one.name);
        }
        // Who comes with the old key alone is told so, and takes no part.
        let mut odd = self.house.cluster.setup("odd").prepare().await?;
        let told = odd.refuse_to_start().await?;
        ensure!(told.contains(&new.to_string()), "it does not say which key it lacks:\n{told}");
        self.said.push(told);
        self.goes_on("all was sealed anew").await
    }

    async fn retire(&mut self) -> Outcome {
        let (old, new) = self.keys();
        self.refused("a", "retire", new, "seals").await?;
        let text = self.command("c", &["keys", "retire", &old.to_string()]).await?;
        ensure!(text.contains("out of the configuration of a, b, c"), "{text}");
        self.refused("b", "promote", old, "was retired").await?;
        self.refused("b", "retire", old, "retired already").await?;
        self.goes_on("the old key was retired").await
    }

    async fn take_away(&mut self) -> Outcome {
        let (_, new) = self.keys();
        let only_new = self.new.text().reveal().to_owned();
        for name in NODES {
            self.roll(name, &only_new).await?;
        }
        let json = self.command("a", &["keys", "status", "--json"]).await?;
        let report: KeyReport = serde_json::from_str(json.trim())?;
        let keys: Vec<Fingerprint> = report.keys.iter().map(|line| line.fingerprint).collect();
        ensure!(keys == [new] && report.keys[0].lacked_by.is_empty(), "{report:#?}");
        self.goes_on("the old key was taken away").await
    }

    /// Neither a key nor a secret in any answer, output or log.
    fn nothing_was_told(&mut self) -> Outcome {
        for name in NODES {
            self.said.push(self.house.cluster.node(name)?.log());
        }
        let keys = [self.old.text().reveal().to_owned(), self.new.text().reveal().to_owned()];
        for secret in keys.iter().flat_map(|key| [&key[..32], &key[32..]]).chain([SECRET]) {
            let told = self.said.iter().filter(|said| said.to_ascii_lowercase().contains(secret)).count();
            ensure!(told == 0, "a secret is in {told} of {} texts", self.said.len());
        }
        let fingerprint = self.new.fingerprint().to_string();
        ensure!(self.said.iter().any(|said| said.contains(&fingerprint)), "the search would find nothing");
        Ok(())
    }
}
