//! What the elector decides, step by step.

use super::*;
use proget_core::ids::Incarnation;

const SWEEPER: Role = Role::SWEEPER;

fn at(ms: u64) -> Tick {
    Tick(Duration::from_millis(ms))
}

fn held(term: i64) -> Holding {
    Holding { role: SWEEPER, term }
}

fn free(term: i64) -> Vec<Lease> {
    vec![Lease { role: SWEEPER, term, holder: None, since: None, left: None }]
}

/// With the default timings: lease 6 s, window 5 s, renewed every 2 s, looked for every 500 ms.
fn candidate() -> Elector {
    let mut elector = Elector::new([SWEEPER], Timing::default());
    elector.stand();
    elector
}

/// An elector that asked at 100 ms and leads with term 7.
fn leader() -> Elector {
    let mut elector = candidate();
    assert_eq!(elector.tick(at(100)), [Command::Look]);
    let acquire = Command::Acquire { role: SWEEPER, floor: 0, since: at(100) };
    assert_eq!(elector.looked(at(100), Some(&free(6))), [acquire]);
    assert_eq!(elector.acquired(at(150), SWEEPER, at(100), Some(7)), [Command::Plant(held(7))]);
    let trusted = Command::Trust(held(7), at(5100));
    assert_eq!(elector.planted(at(170), held(7), Plant::Planted), [trusted]);
    elector
}

#[test]
fn who_was_not_told_to_stand_does_nothing() {
    let mut elector = Elector::new([SWEEPER], Timing::default());
    assert!(elector.tick(at(0)).is_empty());
    assert!(elector.looked(at(0), Some(&free(0))).is_empty());
}

#[test]
fn a_role_that_somebody_has_is_looked_at_again_and_again_and_not_asked_for() {
    let mut elector = candidate();
    let taken = [Lease {
        role: SWEEPER,
        term: 3,
        holder: Some(Incarnation::random()),
        since: None,
        left: Some(Duration::from_secs(4)),
    }];
    for round in 0..5 {
        let now = at(round * 1000);
        assert_eq!(elector.tick(now), [Command::Look]);
        assert!(elector.looked(now, Some(&taken)).is_empty());
        assert!(elector.tick(now).is_empty(), "looked at twice in one interval");
        assert_eq!(elector.next(now), at((round + 1) * 1000));
    }
}

#[test]
fn who_has_every_role_sleeps_until_the_next_renewal() {
    let mut elector = leader();
    for now in [170, 600, 1500] {
        assert!(elector.tick(at(now)).is_empty());
        assert_eq!(elector.next(at(now)), at(2100), "it wakes up and has nothing to do");
    }
}

#[test]
fn trust_counts_from_before_the_question_and_ends_before_the_lease() {
    let mut elector = leader();
    assert_eq!(elector.trusted().collect::<Vec<_>>(), [(held(7), at(5100))]);
    let renew = elector.tick(at(2100));
    assert_eq!(renew, [Command::Renew(vec![held(7)])]);
    // The answer took 900 ms; trust does not count from it.
    let trusted = elector.renewed(at(3000), &[held(7)], Some(&[held(7)]));
    assert_eq!(trusted, [Command::Trust(held(7), at(7100)), Command::Plant(held(7))]);
    let lapsed = elector.tick(at(7100));
    assert_eq!(lapsed[0], Command::Distrust(held(7)));
    assert_eq!(elector.trusted().count(), 0);
}

#[test]
fn renewals_without_an_answer_prolong_nothing_and_are_repeated_calmly() {
    let mut elector = leader();
    elector.tick(at(2100));
    assert!(elector.renewed(at(2200), &[held(7)], None).is_empty());
    assert!(elector.tick(at(2200)).is_empty(), "repeated at once");
    assert_eq!(elector.tick(at(3200)), [Command::Renew(vec![held(7)])]);
    assert!(elector.renewed(at(3950), &[held(7)], None).is_empty());
    assert_eq!(elector.trusted().collect::<Vec<_>>(), [(held(7), at(5100))]);
}

#[test]
fn a_holding_that_was_not_prolonged_is_lost_at_once() {
    let mut elector = leader();
    elector.tick(at(2100));
    assert_eq!(elector.renewed(at(2200), &[held(7)], Some(&[])), [Command::Distrust(held(7))]);
}

#[test]
fn an_acquisition_without_an_answer_makes_nobody_holder() {
    let mut elector = candidate();
    elector.tick(at(0));
    elector.looked(at(0), Some(&free(0)));
    assert!(elector.acquired(at(1000), SWEEPER, at(0), None).is_empty());
    assert_eq!(elector.trusted().count(), 0);
}

#[test]
fn an_answer_that_comes_when_the_window_is_over_is_given_back() {
    let mut elector = candidate();
    elector.tick(at(0));
    elector.looked(at(0), Some(&free(0)));
    assert_eq!(elector.acquired(at(5000), SWEEPER, at(0), Some(1)), [Command::Resign(held(1))]);
}

#[test]
fn an_answer_to_an_older_question_is_given_back_and_never_trusted_for_the_newer_one() {
    let mut elector = candidate();
    elector.tick(at(0));
    elector.looked(at(0), Some(&free(0)));
    // Given up, and asked for once more, while the first call is still under way.
    assert!(elector.resign(SWEEPER).is_empty());
    elector.tick(at(3000));
    let again = elector.looked(at(3000), Some(&free(0)));
    assert_eq!(again, [Command::Acquire { role: SWEEPER, floor: 0, since: at(3000) }]);
    assert_eq!(elector.acquired(at(3100), SWEEPER, at(0), Some(1)), [Command::Resign(held(1))]);
    assert_eq!(elector.acquired(at(3200), SWEEPER, at(3000), Some(2)), [Command::Plant(held(2))]);
}

#[test]
fn a_plant_that_is_refused_tells_the_floor_of_the_next_term() {
    let mut elector = candidate();
    elector.tick(at(0));
    elector.looked(at(0), Some(&free(0)));
    elector.acquired(at(10), SWEEPER, at(0), Some(1));
    // The register was rebuilt; the catalogue remembers term 41.
    assert_eq!(elector.planted(at(20), held(1), Plant::TooLow(41)), [Command::Resign(held(1))]);
    elector.tick(at(500));
    let again = elector.looked(at(500), Some(&free(1)));
    assert_eq!(again, [Command::Acquire { role: SWEEPER, floor: 41, since: at(500) }]);
}

/// Found by the model: the database failed over to a moment after the lease and before the plant.
#[test]
fn a_holder_whose_plant_was_lost_plants_again_with_its_next_renewal() {
    let mut elector = leader();
    assert_eq!(elector.tick(at(2100)), [Command::Renew(vec![held(7)])]);
    let renewed = elector.renewed(at(2150), &[held(7)], Some(&[held(7)]));
    assert_eq!(renewed, [Command::Trust(held(7), at(7100)), Command::Plant(held(7))]);
    // Whether it was there already or is again, and if nobody knows, nothing changes.
    for outcome in [Plant::Planted, Plant::Unknown] {
        assert!(elector.planted(at(2200), held(7), outcome).is_empty());
        assert_eq!(elector.trusted().collect::<Vec<_>>(), [(held(7), at(7100))]);
    }
}

#[test]
fn a_holder_whose_fence_is_passed_gives_up_and_campaigns_above_it() {
    let mut elector = leader();
    elector.tick(at(2100));
    elector.renewed(at(2150), &[held(7)], Some(&[held(7)]));
    let given_up = elector.planted(at(2200), held(7), Plant::TooLow(9));
    assert_eq!(given_up, [Command::Distrust(held(7)), Command::Resign(held(7))]);
    assert_eq!(elector.trusted().count(), 0);
    assert_eq!(elector.tick(at(2200)), [Command::Look]);
    let again = elector.looked(at(2210), Some(&free(7)));
    assert_eq!(again, [Command::Acquire { role: SWEEPER, floor: 9, since: at(2210) }]);
}

#[test]
fn a_plant_that_nobody_answered_is_not_acted_on() {
    let mut elector = candidate();
    elector.tick(at(0));
    elector.looked(at(0), Some(&free(0)));
    elector.acquired(at(10), SWEEPER, at(0), Some(1));
    assert_eq!(elector.planted(at(1010), held(1), Plant::Unknown), [Command::Resign(held(1))]);
    assert_eq!(elector.trusted().count(), 0);
}

#[test]
fn who_stands_down_stops_acting_before_it_gives_back() {
    let mut elector = leader();
    assert_eq!(elector.stand_down(), [Command::Distrust(held(7)), Command::Resign(held(7))]);
    assert!(elector.tick(at(9000)).is_empty(), "it campaigns although it stood down");
}
