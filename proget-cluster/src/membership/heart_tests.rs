//! Hearts that beat in real time, over a register that counts and can fall silent.

use super::super::{Beaten, Component, JoinRules, MembershipError, MemoryMembership, Removal};
use super::*;
use crate::election::BootClock;
use async_trait::async_trait;
use proget_core::clock::SystemClock;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

const RULES: JoinRules = JoinRules { max_servers: None, abandoned_after: Duration::from_secs(60) };

/// Much longer than anything here takes; it only ends tests that fail.
const PATIENCE: Duration = Duration::from_secs(20);

const SELDOM: HeartBeat = HeartBeat { every: Duration::from_secs(3600), call: Duration::from_secs(10) };

const OFTEN: HeartBeat = HeartBeat { every: Duration::from_millis(20), call: Duration::from_millis(500) };

const FAIR: u8 = 0;
const REFUSES: u8 = 1;
const HANGS: u8 = 2;

#[derive(Debug)]
struct Register {
    honest: MemoryMembership,
    mood: AtomicU8,
    beats: AtomicU32,
    rosters: AtomicU32,
}

impl Register {
    async fn answers(&self, doing: &'static str) -> Result<(), MembershipError> {
        match self.mood.load(Ordering::SeqCst) {
            FAIR => Ok(()),
            REFUSES => Err(MembershipError::Unanswered { doing, source: None }),
            _ => std::future::pending().await,
        }
    }

    fn beats(&self) -> u32 {
        self.beats.load(Ordering::SeqCst)
    }

    fn rosters(&self) -> u32 {
        self.rosters.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Membership for Register {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        self.honest.join(card, rules).await
    }

    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        self.beats.fetch_add(1, Ordering::SeqCst);
        self.answers("beating").await?;
        self.honest.beat(card).await
    }

    async fn roster(&self) -> Result<Roster, MembershipError> {
        self.rosters.fetch_add(1, Ordering::SeqCst);
        self.answers("reading").await?;
        self.honest.roster().await
    }

    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        self.honest.leave(name, incarnation).await
    }

    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        self.honest.remove(name, removal).await
    }

    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        self.honest.forget(silent_for).await
    }
}

/// A process that has joined, and its heart.
async fn beating(timing: HeartBeat) -> (Arc<Register>, NodeCard, Heart) {
    let register = Arc::new(Register {
        honest: MemoryMembership::new(Arc::new(BootClock)),
        mood: AtomicU8::new(FAIR),
        beats: AtomicU32::new(0),
        rosters: AtomicU32::new(0),
    });
    let card = NodeCard::bare(NodeName::new("a").unwrap(), Incarnation::random(), Component::ALL);
    register.join(&card, RULES).await.unwrap();
    let heart = Heart::start(register.clone(), Arc::new(SystemClock), card.clone(), timing);
    (register, card, heart)
}

async fn until(heart: &Heart, what: &str, is_so: impl FnMut(&Pulse) -> bool) -> Pulse {
    let mut pulse = heart.pulse();
    let waited = timeout(PATIENCE, pulse.wait_for(is_so)).await;
    waited.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}")).unwrap().clone()
}

#[tokio::test]
async fn a_heart_beats_on_time_and_never_more_often() {
    let begun = Instant::now();
    let (register, card, heart) = beating(OFTEN).await;
    let mut pulse = heart.pulse();
    let mut seen = Vec::new();
    while seen.len() < 10 {
        timeout(PATIENCE, pulse.changed()).await.unwrap().unwrap();
        seen.extend(pulse.borrow_and_update().last);
    }
    assert!(seen.is_sorted() && seen.first() < seen.last());
    let allowed = begun.elapsed().as_millis() / OFTEN.every.as_millis() + 1;
    assert!(u128::from(register.beats()) <= allowed, "{} beats, {allowed} may be", register.beats());
    assert!(register.rosters() <= register.beats() / ROSTER_EVERY + 1, "{} rosters", register.rosters());
    let known = until(&heart, "the roster is known", |pulse| !pulse.roster.members.is_empty()).await;
    assert_eq!(known.roster.members[0].card.incarnation, card.incarnation);
    assert!(heart.card().skew_ms.abs() < 10_000, "the same clock is {} ms off", heart.card().skew_ms);
}

#[tokio::test]
async fn what_is_edited_is_in_the_roster_after_a_beat_that_was_asked_for() {
    let (_, _, heart) = beating(SELDOM).await;
    until(&heart, "the first beat", |pulse| pulse.last.is_some()).await;
    heart.edit(|card| card.load.jobs = 3);
    heart.beat_now();
    let jobs = |pulse: &Pulse| pulse.roster.members.first().map(|member| member.card.load.jobs);
    until(&heart, "the edited card is read back", |pulse| jobs(pulse) == Some(3)).await;
}

#[tokio::test]
async fn a_storm_of_hints_is_no_storm_of_beats() {
    let begun = Instant::now();
    let (register, _, heart) = beating(SELDOM).await;
    while begun.elapsed() < 6 * BREATH {
        heart.beat_now();
        tokio::task::yield_now().await;
    }
    let allowed = begun.elapsed().as_millis() / BREATH.as_millis() + 2;
    let beats = register.beats();
    assert!(u128::from(beats) <= allowed, "{beats} beats, {allowed} may be");
    assert!(beats >= 2, "no beat that was asked for came");
}

#[tokio::test]
async fn a_removed_process_learns_it_and_beats_no_more() {
    let (register, card, heart) = beating(OFTEN).await;
    until(&heart, "the first beat", |pulse| pulse.last.is_some()).await;
    register.remove(&card.name, Removal::Forced).await.unwrap();
    until(&heart, "it learns that it was removed", |pulse| pulse.removed).await;
    timeout(PATIENCE, async {
        while !heart.task.is_finished() {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("the heart of a removed process stops");
    assert!(register.honest.roster().await.unwrap().members.is_empty(), "it put itself back");
}

#[tokio::test]
async fn a_beat_without_an_answer_is_no_lost_seat() {
    for mood in [REFUSES, HANGS] {
        let timing = HeartBeat { call: Duration::from_millis(30), ..OFTEN };
        let (register, _, heart) = beating(timing).await;
        until(&heart, "the first beat", |pulse| pulse.last.is_some()).await;
        register.mood.store(mood, Ordering::SeqCst);
        let away = until(&heart, "beats are missed", |pulse| pulse.missed >= 3).await;
        assert!(!away.removed);
        register.mood.store(FAIR, Ordering::SeqCst);
        let back = until(&heart, "it beats again", |pulse| pulse.missed == 0).await;
        assert!(!back.removed && back.last > away.last);
    }
}

#[tokio::test]
async fn another_measure_counts_at_once() {
    let (register, _, heart) = beating(SELDOM).await;
    until(&heart, "the first beat", |pulse| pulse.last.is_some()).await;
    assert_eq!(register.beats(), 1);
    heart.retime(OFTEN);
    let mut pulse = heart.pulse();
    timeout(PATIENCE, async {
        while register.beats() < 5 {
            pulse.changed().await.unwrap();
        }
    })
    .await
    .expect("it beats more often");
}

#[tokio::test]
async fn a_heart_that_is_dropped_stops() {
    let (register, _, heart) = beating(OFTEN).await;
    let mut pulse = heart.pulse();
    until(&heart, "the first beat", |pulse| pulse.last.is_some()).await;
    drop(heart);
    // The task holds the other end: when that is gone, so is the task.
    timeout(PATIENCE, async { while pulse.changed().await.is_ok() {} }).await.expect("the heart stops");
    let beats = register.beats();
    tokio::time::sleep(3 * OFTEN.every).await;
    assert_eq!(register.beats(), beats);
}
