//! Thousands of schedules of the simulation; and with each defence taken away, how many it takes to notice.

use super::database::Without;
use super::simulation::{Schedule, Seen};

/// How many schedules are tried, unless `PROGET_SIMULATION_SEEDS` says otherwise.
const SEEDS: u64 = 2000;
/// After so many schedules a missing defence has been noticed.
const NOTICED_WITHIN: u64 = 200;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and is {text}")))
}

fn play(seed: u64) -> Seen {
    Schedule::new(seed, Without::Nothing)
        .play()
        .unwrap_or_else(|wrong| panic!("PROGET_SIMULATION_SEED={seed} repeats this: {wrong}"))
}

#[test]
fn in_thousands_of_schedules_nothing_goes_wrong_and_everything_happens() {
    if let Some(seed) = number("PROGET_SIMULATION_SEED") {
        println!("{:?}", play(seed));
        return;
    }
    let mut all = Seen::default();
    let seeds = number("PROGET_SIMULATION_SEEDS").unwrap_or(SEEDS);
    for seed in 0..seeds {
        let seen = play(seed);
        all.terms += seen.terms;
        all.writes += seen.writes;
        all.refused += seen.refused;
        all.failovers += seen.failovers;
        all.two_believed |= seen.two_believed;
    }
    println!("{seeds} schedules: {all:?}");
    // Otherwise the schedules would be too calm to tell anything.
    let seeds = i64::try_from(seeds).unwrap();
    assert!(all.terms > 3 * seeds && all.writes > 10, "hardly anybody led: {all:?}");
    assert!(all.refused > 0 && all.failovers > 0 && all.two_believed, "hardly anything went wrong: {all:?}");
}

#[test]
fn a_seed_tells_a_schedule_completely() {
    for seed in [7, 1_000_003] {
        assert_eq!(play(seed), play(seed));
    }
    assert_ne!(play(7), play(8));
}

/// Without this defence some schedule goes wrong, in this way.
fn is_noticed(without: Without, how: &str) {
    let wrong = (0..NOTICED_WITHIN).find_map(|seed| {
        let wrong = Schedule::new(seed, without).play().err()?;
        wrong.contains(how).then_some((seed, wrong))
    });
    let (seed, wrong) = wrong.expect("nothing went wrong without this defence");
    println!("without {without:?}, seed {seed}: {wrong}");
}

#[test]
fn without_the_fence_it_is_noticed_that_an_earlier_holder_writes() {
    is_noticed(Without::Fence, "a write of an earlier holding was accepted");
}

#[test]
fn without_the_margin_it_is_noticed_that_slow_clocks_believe_too_long() {
    is_noticed(Without::Margin, "a node trusts itself without having the lease");
}

#[test]
fn without_counting_terms_it_is_noticed_that_one_is_granted_twice() {
    is_noticed(Without::Terms, "a term was granted that was not above all before");
}

#[test]
fn without_checking_plants_it_is_noticed_that_the_fence_sinks() {
    is_noticed(Without::PlantCheck, "the fence sank");
}

#[test]
fn without_counting_from_before_the_question_it_is_noticed_that_trust_outlives_the_lease() {
    is_noticed(Without::EarlyWindow, "a node trusts itself without having the lease");
}

#[test]
fn without_doubt_it_is_noticed_that_a_fence_was_never_planted() {
    is_noticed(Without::Doubt, "a node trusts itself without having the fence");
}
