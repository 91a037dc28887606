//! The small worlds, each with what may go wrong in it, and the same without one of the defences.

use super::database::Without;
use super::world::*;
use stateright::{Checker as _, Model as _};

const CALM: World = World {
    without: Without::Nothing,
    nodes: 2,
    lease: 3,
    end: 3,
    terms: 2,
    slow: 0,
    failovers: 0,
    rebuilt: 0,
    lost: 0,
    leaves: 0,
    deaths: 0,
    late: 1,
    prompt: false,
    sometimes: &[FIRST, SECOND],
    only: None,
};

/// The larger worlds of the long form.
fn is_long() -> bool {
    std::env::var("PROGET_MODEL").is_ok_and(|form| form == "long")
}

/// All properties hold in all that can happen, and what should be possible is.
fn holds(world: World) {
    let world = if is_long() { World { end: world.end + 1, ..world } } else { world };
    let begun = std::time::Instant::now();
    let checker = world.checker().threads(1).spawn_bfs().join();
    println!("{} states in {:?}: {world:?}", checker.unique_state_count(), begun.elapsed());
    assert!(checker.is_done(), "the checker gave up before it had seen everything");
    checker.assert_properties();
}

/// Without this defence something happens that must not.
fn is_missed(world: World, property: &'static str) {
    let world = World { only: Some(property), sometimes: &[], ..world };
    let checker = world.checker().threads(1).spawn_bfs().join();
    println!("{} states: {world:?}", checker.unique_state_count());
    let path = checker.discovery(property).expect("nothing went wrong without this defence");
    println!("not true any more: {property}: {:?}", path.into_actions());
}

#[test]
fn in_a_calm_world_one_after_the_other_leads() {
    holds(World { end: 4, ..CALM });
}

#[test]
fn lost_answers_and_calls_that_take_effect_late_break_nothing() {
    holds(World { lost: 1, ..CALM });
}

#[test]
fn clocks_that_are_slow_within_the_margin_break_nothing() {
    holds(World { slow: MARGIN, ..CALM });
}

#[test]
fn clocks_that_are_slower_make_two_believe_and_one_write() {
    holds(World { slow: MARGIN + 1, sometimes: &[FIRST, SECOND, BOTH], ..CALM });
}

#[test]
fn a_database_that_loses_its_newest_commits_breaks_nothing() {
    holds(World { failovers: 1, prompt: true, end: 5, ..CALM });
}

#[test]
fn a_register_that_forgets_its_terms_is_held_to_those_of_the_fence() {
    holds(World { rebuilt: 1, prompt: true, end: 5, terms: 3, ..CALM });
}

#[test]
fn whoever_gives_its_role_up_is_followed_at_once() {
    holds(World { leaves: 1, end: 2, late: 2, ..CALM });
}

#[test]
fn where_all_are_prompt_a_process_that_ends_is_succeeded_in_time() {
    holds(World { prompt: true, deaths: 1, end: 9, terms: 3, ..CALM });
}

#[test]
fn three_that_are_prompt_agree_as_well() {
    holds(World { nodes: 3, prompt: true, deaths: 1, end: 6, ..CALM });
}

#[test]
fn without_the_fence_an_older_holder_still_writes() {
    is_missed(World { without: Without::Fence, late: 2, ..CALM }, FORWARD);
}

#[test]
fn without_the_margin_two_with_slow_clocks_believe() {
    is_missed(World { without: Without::Margin, slow: 1, ..CALM }, ALONE);
}

#[test]
fn without_counting_terms_one_is_granted_twice() {
    is_missed(World { without: Without::Terms, ..CALM }, GROW);
}

#[test]
fn without_checking_plants_a_register_that_forgot_gives_an_old_term_to_another() {
    is_missed(World { without: Without::PlantCheck, rebuilt: 1, late: 0, ..CALM }, RISE);
}

#[test]
fn without_counting_from_before_the_question_two_believe() {
    is_missed(World { without: Without::EarlyWindow, lease: 4, end: 4, ..CALM }, ALONE);
}

#[test]
fn without_doubt_a_plant_that_never_took_effect_is_believed() {
    is_missed(World { without: Without::Doubt, lost: 1, ..CALM }, BACKED);
}
