//! What one caller after the other may expect.

use super::{LEASE, MOST, OnRegister, ROLE, Register};
use crate::election::Holding;
use crate::suite::cases;
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;

pub(super) const CASES: &[OnRegister] = cases![
    a_role_that_was_never_held_is_free_and_has_term_0,
    a_role_that_was_granted_is_not_free_and_shows_who_has_it,
    a_role_is_not_granted_to_anybody_while_it_is_held,
    a_lease_that_has_run_out_is_granted_to_another_with_a_later_term,
    a_new_term_is_above_the_floor_and_a_low_floor_changes_nothing,
    an_acquisition_that_was_refused_changes_nothing,
    a_renewal_counts_from_the_moment_it_is_made,
    what_has_run_out_is_not_renewed_also_if_nobody_took_it,
    a_holding_is_renewed_only_by_its_holder_and_under_its_own_term,
    of_several_holdings_those_that_stand_are_renewed_and_said_to_be,
    renewing_nothing_is_answered_with_nothing,
    a_role_that_was_given_back_is_free_at_once_and_keeps_its_term,
    giving_back_is_harmless_when_repeated_or_late,
    nobody_gives_back_what_another_holds,
    roles_are_shown_in_the_order_of_the_question,
    roles_have_nothing_to_do_with_each_other,
    looking_changes_nothing,
    roles_may_be_seen_first_by_anybody_and_in_any_way,
];

fn someone() -> Incarnation {
    Incarnation::random()
}

async fn a_role_that_was_never_held_is_free_and_has_term_0(on: Register) {
    let lease = on.look(ROLE).await;
    assert_eq!((lease.role, lease.term, lease.holder, lease.left), (ROLE, 0, None, None));
    assert_eq!(on.acquire(someone(), ROLE).await, Some(1));
}

async fn a_role_that_was_granted_is_not_free_and_shows_who_has_it(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    let lease = on.look(ROLE).await;
    assert_eq!((lease.term, lease.holder), (held.term, Some(me)));
    let left = lease.left.expect("a role that was just granted is shown as free");
    assert!(left <= LEASE && left >= MOST, "{left:?} are left of {LEASE:?}");
    on.pass(MOST).await;
    let later = on.look(ROLE).await.left.expect("shown as free too early");
    assert!(later <= LEASE - MOST, "{later:?} are left of {LEASE:?} after {MOST:?}");
}

async fn a_role_is_not_granted_to_anybody_while_it_is_held(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    on.pass(MOST).await;
    assert_eq!(on.acquire(someone(), ROLE).await, None);
    assert_eq!(on.acquire(me, ROLE).await, None, "its own holder would have two terms at once");
    assert!(on.renews(me, held).await);
}

async fn a_lease_that_has_run_out_is_granted_to_another_with_a_later_term(on: Register) {
    let (first, second) = (someone(), someone());
    let old = on.take(first, ROLE).await;
    on.pass(LEASE).await;
    let lapsed = on.look(ROLE).await;
    assert_eq!((lapsed.term, lapsed.left), (old.term, None));
    let new = on.take(second, ROLE).await;
    assert!(new.term > old.term, "{} after {}", new.term, old.term);
    let lease = on.look(ROLE).await;
    assert_eq!((lease.term, lease.holder), (new.term, Some(second)));
    // The same process again is a new holding, too.
    on.pass(LEASE).await;
    let again = on.take(second, ROLE).await;
    assert!(again.term > new.term, "{} after {}", again.term, new.term);
}

async fn a_new_term_is_above_the_floor_and_a_low_floor_changes_nothing(on: Register) {
    let me = someone();
    let high = on.one().acquire(me, ROLE, 41, LEASE).await.unwrap().expect("not granted");
    assert!(high > 41, "{high} is not above the floor 41");
    assert_eq!(on.look(ROLE).await.term, high);
    assert!(on.renews(me, Holding { role: ROLE, term: high }).await);
    on.pass(LEASE).await;
    let next = on.one().acquire(me, ROLE, 7, LEASE).await.unwrap().expect("not granted");
    assert!(next > high, "{next} after {high}");
    on.pass(LEASE).await;
    let last = on.one().acquire(me, ROLE, next, LEASE).await.unwrap().expect("not granted");
    assert!(last > next, "{last} is not above the floor {next}");
}

async fn an_acquisition_that_was_refused_changes_nothing(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    let refused = on.one().acquire(someone(), ROLE, held.term + 100, LEASE * 10).await.unwrap();
    assert_eq!(refused, None);
    let lease = on.look(ROLE).await;
    assert_eq!((lease.term, lease.holder), (held.term, Some(me)));
    assert!(lease.left.is_some_and(|left| left <= LEASE), "{:?} are left of {LEASE:?}", lease.left);
    assert!(on.renews(me, held).await);
}

async fn a_renewal_counts_from_the_moment_it_is_made(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    for _ in 0..3 {
        on.pass(MOST).await;
        assert_eq!(on.acquire(someone(), ROLE).await, None, "a renewal was without effect");
        assert_eq!(on.renew(me, &[held]).await, [held]);
    }
    let left = on.look(ROLE).await.left.expect("shown as free just after a renewal");
    assert!(left <= LEASE && left >= MOST, "renewals add up: {left:?} are left of {LEASE:?}");
    on.pass(LEASE).await;
    assert!(on.look(ROLE).await.left.is_none(), "renewals add up");
}

async fn what_has_run_out_is_not_renewed_also_if_nobody_took_it(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    on.pass(LEASE).await;
    assert!(!on.renews(me, held).await, "what has run out was renewed");
    assert!(on.look(ROLE).await.left.is_none());
}

async fn a_holding_is_renewed_only_by_its_holder_and_under_its_own_term(on: Register) {
    let (me, other) = (someone(), someone());
    let old = on.take(me, ROLE).await;
    on.pass(LEASE).await;
    let new = on.take(me, ROLE).await;
    on.pass(MOST).await;
    assert!(!on.renews(other, new).await, "another's holding was renewed");
    assert!(!on.renews(me, old).await, "a holding was renewed under an older term");
    let later = Holding { role: ROLE, term: new.term + 1 };
    assert!(!on.renews(me, later).await, "a holding was renewed under a term that nobody was granted");
    on.pass(LEASE - MOST).await;
    assert!(on.look(ROLE).await.left.is_none(), "a renewal that was refused had its effect");
}

async fn of_several_holdings_those_that_stand_are_renewed_and_said_to_be(on: Register) {
    let (me, other) = (someone(), someone());
    let roles = [Role("first"), Role("second"), Role("third"), Role("fourth")];
    let lapsed = on.take(me, roles[0]).await;
    on.pass(LEASE).await;
    let mut mine = vec![on.take(me, roles[1]).await, on.take(me, roles[3]).await];
    mine.sort();
    let foreign = on.take(other, roles[2]).await;
    assert_eq!(on.renew(me, &[mine[0], lapsed, foreign, mine[1]]).await, mine);
    on.pass(MOST).await;
    assert_eq!(on.renew(me, &mine).await, mine);
    on.pass(MOST).await;
    assert!(on.look(roles[2]).await.left.is_none(), "another's holding was renewed along");
    assert!(on.look(roles[0]).await.left.is_none(), "what had run out was renewed along");
    assert_eq!(on.renew(me, &mine).await, mine);
}

async fn renewing_nothing_is_answered_with_nothing(on: Register) {
    let me = someone();
    on.take(me, ROLE).await;
    assert!(on.renew(me, &[]).await.is_empty());
    on.pass(LEASE).await;
    assert!(on.look(ROLE).await.left.is_none(), "what was not asked for was renewed");
}

async fn a_role_that_was_given_back_is_free_at_once_and_keeps_its_term(on: Register) {
    let (me, other) = (someone(), someone());
    let held = on.take(me, ROLE).await;
    on.resign(me, held).await;
    let lease = on.look(ROLE).await;
    assert_eq!((lease.term, lease.left), (held.term, None));
    assert!(!on.renews(me, held).await, "what was given back was renewed");
    let next = on.take(other, ROLE).await;
    assert!(next.term > held.term, "{} after {}", next.term, held.term);
}

async fn giving_back_is_harmless_when_repeated_or_late(on: Register) {
    let (me, other) = (someone(), someone());
    let first = on.take(me, ROLE).await;
    on.resign(me, first).await;
    on.resign(me, first).await;
    let second = on.take(other, ROLE).await;
    on.resign(me, first).await;
    assert!(on.renews(other, second).await, "the late return of a holding ended a successor's");
    on.resign(other, second).await;
    let third = on.take(me, ROLE).await;
    on.resign(me, first).await;
    assert!(on.renews(me, third).await, "the late return of a holding ended a later one of the same process");
    on.resign(me, Holding { role: Role("unheard-of"), term: 1 }).await;
}

async fn nobody_gives_back_what_another_holds(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    on.resign(someone(), held).await;
    on.resign(me, Holding { role: ROLE, term: held.term + 1 }).await;
    on.resign(me, Holding { role: ROLE, term: held.term - 1 }).await;
    assert!(on.renews(me, held).await);
}

async fn roles_are_shown_in_the_order_of_the_question(on: Register) {
    let me = someone();
    let roles = [Role("zebra"), Role("ant"), Role("midge"), Role("bee")];
    on.take(me, roles[2]).await;
    on.take(me, roles[0]).await;
    let shown = on.one().look(&roles).await.unwrap();
    assert_eq!(shown.iter().map(|lease| lease.role).collect::<Vec<_>>(), roles);
    let free: Vec<bool> = shown.iter().map(|lease| lease.left.is_none()).collect();
    assert_eq!(free, [false, true, false, true]);
    let few = on.one().look(&[roles[3], roles[0]]).await.unwrap();
    assert_eq!(few.iter().map(|lease| lease.role).collect::<Vec<_>>(), [roles[3], roles[0]]);
}

async fn roles_have_nothing_to_do_with_each_other(on: Register) {
    let (me, other) = (someone(), someone());
    let mine = on.take(me, Role("a")).await;
    on.pass(MOST).await;
    let others = on.take(other, Role("a-b")).await;
    on.pass(LEASE - MOST).await;
    assert!(on.look(mine.role).await.left.is_none());
    assert!(on.look(others.role).await.left.is_some(), "one role ran out with another");
    on.take(me, mine.role).await;
    assert_eq!(on.look(others.role).await.holder, Some(other));
    assert!(on.renews(other, others).await);
}

async fn looking_changes_nothing(on: Register) {
    let me = someone();
    let held = on.take(me, ROLE).await;
    let step = LEASE / 4;
    for _ in 0..3 {
        on.pass(step).await;
        assert_eq!(on.look(ROLE).await.term, held.term);
    }
    assert!(on.renews(me, held).await);
    for _ in 0..4 {
        on.pass(step).await;
        on.look(ROLE).await;
    }
    let lease = on.look(ROLE).await;
    assert_eq!((lease.term, lease.left), (held.term, None), "looking prolonged a lease");
}

/// Whoever comes first makes what a register needs; everybody else must find it.
async fn roles_may_be_seen_first_by_anybody_and_in_any_way(on: Register) {
    for number in 0..on.elections.len() {
        let leases = on.way(number).look(&[ROLE, Role("second")]).await.unwrap();
        assert!(leases.iter().all(|lease| lease.term == 0 && lease.left.is_none()), "{leases:?}");
    }
    let me = someone();
    assert_eq!(on.way(1).acquire(me, Role("third"), 0, LEASE).await.unwrap(), Some(1));
    let third = Holding { role: Role("third"), term: 1 };
    assert_eq!(on.way(2).renew(me, &[third], LEASE).await.unwrap(), [third]);
    on.way(3).resign(me, third).await.unwrap();
    assert_eq!(on.look(third.role).await.left, None);
}
