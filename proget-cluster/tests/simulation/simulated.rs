//! Thousands of schedules; and with each defence taken away, how many it takes to notice.

use super::defence::Defence;
use super::history::Tally;
use super::schedule::{Schedule, Verdict};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many schedules are tried, unless `PROGET_SIM_SEEDS` says otherwise.
const SEEDS: u64 = 1500;

/// After so many schedules a missing defence has been noticed.
const NOTICED_WITHIN: u64 = 100;

/// One of the counts of a schedule.
type Count = fn(&Tally) -> u64;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and is {text}")))
}

fn told(verdict: &Verdict) -> String {
    let line = |(at, what): &(u64, String)| format!("{:>10.3} s  {what}\n", *at as f64 / 1e6);
    verdict.trail.iter().map(line).collect()
}

/// Plays seeds from this one on, on all cores; the first that goes wrong, if one does.
fn play(seeds: std::ops::Range<u64>, without: Option<Defence>) -> (Vec<Tally>, Option<(u64, Verdict)>) {
    let (next, last) = (AtomicU64::new(seeds.start), AtomicU64::new(seeds.end));
    let work = || {
        let (mut tallies, mut wrong) = (Vec::new(), None);
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= last.load(Ordering::SeqCst) {
                return (tallies, wrong);
            }
            let verdict = Schedule::new(seed, without).play();
            tallies.push(verdict.tally);
            if !verdict.faults.is_empty() {
                last.fetch_min(seed, Ordering::SeqCst);
                wrong = Some((seed, verdict));
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.fold((Vec::new(), None), |(mut tallies, wrong), (more, another)| {
            tallies.extend(more);
            let first = [wrong, another].into_iter().flatten().min_by_key(|(seed, _): &(u64, _)| *seed);
            (tallies, first)
        })
    })
}

#[test]
fn in_many_schedules_nothing_goes_wrong_and_everything_happens() {
    if let Some(seed) = number("PROGET_SIM_SEED") {
        let verdict = Schedule::new(seed, None).play();
        println!("{}{:#?}", told(&verdict), verdict.tally);
        assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
        return;
    }
    let seeds = number("PROGET_SIM_SEEDS").unwrap_or(SEEDS);
    let (tallies, wrong) = play(0..seeds, None);
    if let Some((seed, verdict)) = wrong {
        panic!("PROGET_SIM_SEED={seed} repeats this:\n{}{:#?}", told(&verdict), verdict.faults);
    }
    let sum = |of: Count| tallies.iter().map(of).sum::<u64>();
    // Otherwise the schedules would be too calm to tell anything: so much must happen in each, on average.
    let expected: [(&str, Count, u64); 16] = [
        ("terms", |tally| tally.terms, 4),
        ("fenced writes", |tally| tally.fenced, 50),
        ("claims", |tally| tally.claims, 4),
        ("jobs done", |tally| tally.jobs_done, 3),
        ("occurrences", |tally| tally.occurrences, 1),
        ("published", |tally| tally.published, 8),
        ("removed", |tally| tally.removed, 2),
        ("sights", |tally| tally.sights, 80),
        ("busy", |tally| tally.busy, 1),
        ("deletes", |tally| tally.deletes, 1),
        ("frozen", |tally| tally.frozen, 1),
        ("killed", |tally| tally.killed, 1),
        // These are seldom: some in all.
        ("late writes refused", |tally| tally.refused, 0),
        ("claims lost", |tally| tally.claims_lost, 0),
        ("blobs that were swept before their commit", |tally| tally.blobs_gone, 0),
        ("fail-overs of the register", |tally| tally.shaken, 0),
    ];
    for (what, of, at_least) in expected {
        let all = sum(of);
        println!("{what}: {all} in {seeds} schedules");
        assert!(all > 0 && all >= at_least * seeds, "hardly any {what}: {all} in {seeds} schedules");
    }
    println!("deletes stopped: {}", sum(|tally| tally.deletes_stopped));
}

#[test]
fn a_seed_gives_the_same_history_twice() {
    for seed in 0..20 {
        let (one, other) = (Schedule::new(seed, None).play(), Schedule::new(seed, None).play());
        if one != other {
            let parts = one.trail.iter().zip(&other.trail).find(|(one, other)| one != other);
            panic!("seed {seed} gave two histories, which part here: {parts:#?}");
        }
        assert!(one.trail.len() > 100, "hardly anything happened");
    }
    assert_ne!(Schedule::new(7, None).play().trail, Schedule::new(8, None).play().trail);
}

/// Without this defence some schedule goes wrong, in this way.
fn is_noticed(without: Defence, how: &str) {
    let (_, wrong) = play(0..NOTICED_WITHIN, Some(without));
    let (seed, verdict) = wrong.expect("nothing went wrong without this defence");
    println!("without {without:?}, seed {seed}: {:#?}", verdict.faults);
    assert!(verdict.faults.iter().any(|(_, fault)| fault.contains(how)), "{:#?}", verdict.faults);
}

#[test]
fn without_the_fence_it_is_noticed_that_an_earlier_holder_writes() {
    is_noticed(Defence::Fence, "a write of an earlier holding was accepted");
}

#[test]
fn without_the_margin_it_is_noticed_that_two_believe_at_once() {
    is_noticed(Defence::Margin, "two believed to have");
}

#[test]
fn without_true_stamps_it_is_noticed_that_what_is_old_is_shown() {
    is_noticed(Defence::Stamps, "was seen");
}

#[test]
fn without_reservations_it_is_noticed_that_bytes_are_deleted_that_a_package_needs() {
    is_noticed(Defence::Reservation, "were deleted, and it is published");
}

#[test]
fn without_the_claim_it_is_noticed_that_an_earlier_claimant_writes() {
    is_noticed(Defence::Claim, "a write of an earlier claim was accepted");
}
