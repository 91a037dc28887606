//! Leases in a real etcd: the suite, members that are killed and frozen, etcd as a whole away and back, and
//! what is said where it does not let us in.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use proget_cluster::election::conformance::{self, etcd_register};
use proget_cluster::election::{
    BootClock, Campaign, Election as _, EtcdElection, FencePlanter, Holding, Plant, Preset,
};
use proget_core::catalog::{Fence, Role};
use proget_core::ids::Incarnation;
use proget_core::problem::chain;
use proget_tests::{Etcd, EtcdTls, Outcome, SOON, eventually};

const ROLE: Role = Role::SWEEPER;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// Longer than any call may take on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);

fn election(url: &str, limit: Duration) -> Outcome<EtcdElection> {
    Ok(EtcdElection::new(&url.parse()?, limit)?)
}

async fn take(election: &EtcdElection, me: Incarnation) -> Outcome<Holding> {
    let term = election.acquire(me, ROLE, 0, LONG).await?.context("a free role was not granted")?;
    Ok(Holding { role: ROLE, term })
}

/// The first renewal that is answered finds the holding as it was, and its term is not granted again.
async fn the_holding_is_kept(election: &EtcdElection, me: Incarnation, held: Holding) -> Outcome {
    eventually("a renewal is answered again", SOON, || async {
        let prolonged = election.renew(me, &[held], LONG).await?;
        ensure!(prolonged == [held], "the holding is gone: {prolonged:?}");
        Ok(())
    })
    .await?;
    election.resign(me, held).await?;
    let next = take(election, Incarnation::random()).await?;
    ensure!(next.term == held.term + 1, "{} after {}", next.term, held.term);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_in_etcd_keep_their_promises() -> Outcome {
    let etcd = Etcd::start(1).await?;
    conformance::election(async || etcd_register(&etcd.url(), 4)).await;
    Ok(())
}

/// Not earlier than granted, and then without anybody's help; what has run out is not renewed, and a renewal
/// counts with its own length, whatever was granted at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_runs_out_by_the_clock_of_etcd() -> Outcome {
    let etcd = Etcd::start(1).await?;
    let (mine, others) = (election(&etcd.url(), PATIENT)?, election(&etcd.url(), PATIENT)?);
    let (me, other) = (Incarnation::random(), Incarnation::random());
    let held = take(&mine, me).await?;
    let (begun, lease) = (Instant::now(), Duration::from_secs(2));
    ensure!(mine.renew(me, &[held], lease).await? == [held]);
    let next = eventually("the lease has run out", SOON, || async {
        others.acquire(other, ROLE, 0, lease).await?.context("it is held")
    })
    .await?;
    println!("a lease of {lease:?} was free after {:?}", begun.elapsed());
    ensure!(begun.elapsed() >= lease, "after {:?}", begun.elapsed());
    ensure!(next == held.term + 1, "{next} after {}", held.term);
    ensure!(mine.renew(me, &[held], lease).await?.is_empty());
    Ok(())
}

/// Its own majority goes on; whoever talked to it talks to another, and no holding is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_outlives_the_leader_of_three_members() -> Outcome {
    let mut etcd = Etcd::start(3).await?;
    let election = election(&etcd.url(), Duration::from_secs(2))?;
    let me = Incarnation::random();
    let held = take(&election, me).await?;
    let leader = etcd.leader().await?;
    etcd.kill(leader).await?;
    let begun = Instant::now();
    eventually("a renewal is answered again", SOON, || async {
        ensure!(election.renew(me, &[held], LONG).await? == [held]);
        Ok(())
    })
    .await?;
    println!("the leader was killed: a renewal was answered after {:?}", begun.elapsed());
    // Without a majority nobody decides anything.
    let second = etcd.leader().await?;
    etcd.kill(second).await?;
    for _ in 0..3 {
        let outcome = election.renew(me, &[held], LONG).await;
        ensure!(outcome.is_err(), "one of three decided: {outcome:?}");
    }
    etcd.resume(leader).await?;
    the_holding_is_kept(&election, me, held).await
}

/// A member that hangs costs one call, and the next goes to another; as leader it costs an election
/// of etcd's own, too. When it goes on nobody is disturbed.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_member_costs_a_call_and_no_lease() -> Outcome {
    let mut etcd = Etcd::start(3).await?;
    let limit = Duration::from_millis(800);
    // It begins with the first member.
    let election = election(&etcd.url(), limit)?;
    let me = Incarnation::random();
    let held = eventually("a role is granted", SOON, || take(&election, me)).await?;
    for round in ["the first", "the leader"] {
        let number = if round == "the leader" { etcd.leader().await? } else { 0 };
        etcd.freeze(number)?;
        let begun = Instant::now();
        let mut failures = 0;
        while !matches!(&*election.renew(me, &[held], LONG).await.unwrap_or_default(), [_]) {
            failures += 1;
            ensure!(begun.elapsed() < SOON, "no renewal is answered");
        }
        println!("{round} member was frozen: answered after {:?} and {failures} failures", begun.elapsed());
        etcd.thaw(number)?;
        eventually("the member that was frozen answers again", SOON, || async {
            etcd.ask(number, "kv/range", serde_json::json!({ "key": "AA==" })).await
        })
        .await?;
    }
    the_holding_is_kept(&election, me, held).await
}

/// Nothing but the register is of interest here.
#[derive(Debug)]
struct Planting;

#[async_trait]
impl FencePlanter for Planting {
    async fn plant(&self, _: Fence) -> Plant {
        Plant::Planted
    }
}

/// The holder gives up before its lease can have run out, nobody holds the role meanwhile, and when etcd
/// is back there is a holder again, with a later term and without anybody's help.
#[tokio::test(flavor = "multi_thread")]
async fn without_etcd_nobody_leads_and_afterwards_somebody_does() -> Outcome {
    let mut etcd = Etcd::start(1).await?;
    // Half a second would do, but this machine may be busy.
    let timing = Preset::Default.timing();
    let begin = || {
        let election = Arc::new(election(&etcd.url(), PATIENT)?);
        let me = Incarnation::random();
        let campaign = Campaign { me, election, fences: Arc::new(Planting), clock: Arc::new(BootClock) };
        let running = campaign.start(&[ROLE], timing);
        running.stand();
        Outcome::Ok((running.watch(ROLE).context("the role is not campaigned for")?, running))
    };
    let nodes = [begin()?, begin()?];
    let leads = || nodes.iter().find_map(|(watch, _)| watch.now());
    let first = eventually("somebody leads", SOON, || async { leads().context("nobody") }).await?;
    etcd.kill(0).await?;
    let killed = Instant::now();
    tokio::time::timeout(SOON, first.lost()).await.context("the holder goes on without its register")?;
    let took = killed.elapsed();
    println!("etcd was killed: the holder gave up after {took:?}");
    ensure!(took < timing.lease, "it held on for {took:?}, and the lease is {:?}", timing.lease);
    ensure!(leads().is_none(), "somebody leads without etcd");
    etcd.resume(0).await?;
    let next = eventually("somebody leads again", SOON, || async { leads().context("nobody") }).await?;
    println!("etcd was back: somebody led again {:?} after the kill", killed.elapsed());
    ensure!(next.term() > first.term(), "{} after {}", next.term(), first.term());
    Ok(())
}

/// A register is told from others by what it holds, not by how it is addressed.
#[tokio::test(flavor = "multi_thread")]
async fn two_folders_are_two_registers_and_two_ways_to_one_are_one() -> Outcome {
    let etcd = Etcd::start(1).await?;
    let register = async |folder: &str| {
        let election = election(&format!("{}{folder}", etcd.url()), PATIENT)?;
        ensure!(election.register().is_none(), "it knows before it has asked");
        election.look(&[ROLE]).await?;
        election.register().context("it does not know after it has asked")
    };
    let first = register("").await?;
    ensure!(register("/proget/").await? == first);
    ensure!(register("/other").await? != first);
    Ok(())
}

/// What an operator reads when a call fails.
async fn said(url: &str) -> Outcome<String> {
    match election(url, PATIENT)?.look(&[ROLE]).await {
        Ok(leases) => anyhow::bail!("{url} was let in: {leases:?}"),
        Err(error) => Ok(chain(&error)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_demanded_and_what_is_wrong_with_one_is_said_in_plain_words() -> Outcome {
    let mut etcd = Etcd::start(1).await?;
    let early = said(&etcd.url_with("ann:right@")).await?;
    ensure!(early.contains("authentication is not enabled") && early.contains("leave user and password out"));
    etcd.demand_passwords("ann", "right", "/proget").await?;
    let wrong = said(&etcd.url_with("ann:hushhush@")).await?;
    ensure!(wrong.contains("correct user and password"), "{wrong}");
    ensure!(!wrong.contains("hushhush"), "the password is shown: {wrong}");
    let without = said(&etcd.url()).await?;
    ensure!(without.contains("it wants a user"), "{without}");
    let elsewhere = said(&format!("{}/other", etcd.url_with("ann:right@"))).await?;
    ensure!(elsewhere.contains("let the user read and write"), "{elsewhere}");
    let election = election(&etcd.url_with("ann:right@"), PATIENT)?;
    let me = Incarnation::random();
    let held = take(&election, me).await?;
    // etcd forgets its tokens when it restarts; a new one is asked for without an error in between.
    etcd.kill(0).await?;
    etcd.launch(0)?;
    the_holding_is_kept(&election, me, held).await
}

/// An authority and a certificate of its for 127.0.0.1.
fn certificates(folder: &Path) -> Outcome<EtcdTls> {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    Ok(EtcdTls {
        ca: write("ca.pem", certificate.pem())?,
        certificate: write("own.pem", own.pem())?,
        key: write("own.key", key.serialize_pem())?,
        mutual: false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_what_is_wrong_with_it_is_said_in_plain_words() -> Outcome {
    let (folder, strange) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let tls = certificates(folder.path())?;
    let other = certificates(strange.path())?;
    let etcd = Etcd::start_with_tls(tls.clone()).await?;
    let with = |ca: &Path| format!("{}?ca={}", etcd.url(), ca.display());
    let good = election(&with(&tls.ca), PATIENT)?;
    let me = Incarnation::random();
    let held = eventually("a role is granted", SOON, || take(&good, me)).await?;
    the_holding_is_kept(&good, me, held).await?;
    let unknown = said(&with(&other.ca)).await?;
    ensure!(unknown.contains("no TLS with etcd") && unknown.contains("authority"), "{unknown}");
    let plain = said(&etcd.url().replace("etcds://", "etcd://")).await?;
    ensure!(plain.contains("write etcds://"), "{plain}");
    // One that lets in only whom its authority knows.
    let mutual = Etcd::start_with_tls(EtcdTls { mutual: true, ..tls.clone() }).await?;
    let anonymous = format!("{}?ca={}", mutual.url(), tls.ca.display());
    let shut_out = said(&anonymous).await?;
    ensure!(shut_out.contains("give certificate and key"), "{shut_out}");
    let (certificate, key) = (tls.certificate.display(), tls.key.display());
    let known = election(&format!("{anonymous}&certificate={certificate}&key={key}"), PATIENT)?;
    let held = eventually("a role is granted", SOON, || take(&known, me)).await?;
    the_holding_is_kept(&known, me, held).await?;
    let no_tls = Etcd::start(1).await?;
    let too_much =
        said(&format!("{}?ca={}", no_tls.url().replace("etcd://", "etcds://"), tls.ca.display())).await?;
    ensure!(too_much.contains("see that it speaks TLS"), "{too_much}");
    Ok(())
}
