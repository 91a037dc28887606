//! What many callers at once may expect.

use super::{LEASE, OnRegister, ROLE, Register};
use crate::election::Holding;
use crate::suite::cases;
use futures::future::join_all;
use futures::{FutureExt as _, poll};
use proget_core::catalog::Role;
use proget_core::conformance::Dice;
use proget_core::ids::Incarnation;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(super) const CASES: &[OnRegister] = cases![
    of_many_who_ask_for_a_free_role_one_gets_it,
    a_lapsed_holder_and_its_successor_do_not_both_succeed,
    terms_grow_whatever_happens_at_once,
    a_call_that_was_left_harms_nobody,
];

async fn of_many_who_ask_for_a_free_role_one_gets_it(on: Register) {
    let mut last = 0;
    for round in 0..5 {
        let asking = (0..20).map(|number| {
            let (way, me) = (on.way(number), Incarnation::random());
            tokio::spawn(async move { way.acquire(me, ROLE, 0, LEASE).await.unwrap().map(|term| (me, term)) })
        });
        let asking: Vec<_> = asking.collect();
        let granted: Vec<_> = join_all(asking).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(granted.len(), 1, "in round {round} these were all granted the role: {granted:?}");
        let (me, term) = granted[0];
        assert!(term > last, "{term} after {last}");
        let lease = on.look(ROLE).await;
        assert_eq!((lease.holder, lease.term), (Some(me), term));
        last = term;
        // Free again: in turns because time passed, and because it was given back.
        if round % 2 == 0 {
            on.pass(LEASE).await;
        } else {
            on.resign(me, Holding { role: ROLE, term }).await;
        }
    }
}

async fn a_lapsed_holder_and_its_successor_do_not_both_succeed(on: Register) {
    for _ in 0..10 {
        let (old, new) = (Incarnation::random(), Incarnation::random());
        let held = on.take(old, ROLE).await;
        on.pass(LEASE).await;
        let (first, second) = (on.way(0), on.way(1));
        let renewing = tokio::spawn(async move { first.renew(old, &[held], LEASE).await.unwrap() });
        let taking = tokio::spawn(async move { second.acquire(new, ROLE, 0, LEASE).await.unwrap() });
        let (renewed, taken) = (renewing.await.unwrap(), taking.await.unwrap());
        assert!(renewed.is_empty(), "what had run out was renewed");
        let term = taken.expect("a role that had run out was not granted");
        on.resign(new, Holding { role: ROLE, term }).await;
    }
}

/// Processes take, renew and give back two roles at random while time passes. No term comes twice,
/// and none is granted that is not above all that had been granted before it was asked for.
async fn terms_grow_whatever_happens_at_once(on: Register) {
    const ROLES: [Role; 2] = [Role::SWEEPER, Role::PRIMARY];
    let mut dice = Dice::new();
    let highest: Arc<[AtomicI64; 2]> = Arc::default();
    let processes = (0..8).map(|number| {
        let (way, highest, seed) = (on.way(number), Arc::clone(&highest), dice.roll());
        let on = on.clone();
        tokio::spawn(async move {
            let (mut dice, me) = (Dice::seeded(seed), Incarnation::random());
            let (mut held, mut granted) = (None, Vec::new());
            for _ in 0..25 {
                let which = dice.below(2);
                match (dice.below(6), held) {
                    (0, _) => on.pass(LEASE).await,
                    (1 | 2, Some(holding)) => way.resign(me, holding).await.unwrap(),
                    (3, Some(holding)) => drop(way.renew(me, &[holding], LEASE).await.unwrap()),
                    _ => {
                        let before = highest[which].load(Ordering::SeqCst);
                        let Some(term) = way.acquire(me, ROLES[which], 0, LEASE).await.unwrap() else {
                            continue;
                        };
                        assert!(term > before, "{term} was granted after {before}");
                        highest[which].fetch_max(term, Ordering::SeqCst);
                        held = Some(Holding { role: ROLES[which], term });
                        granted.extend(held);
                    }
                }
            }
            granted
        })
    });
    let processes: Vec<_> = processes.collect();
    let granted: Vec<Holding> = join_all(processes).await.into_iter().flat_map(Result::unwrap).collect();
    let different: BTreeSet<Holding> = granted.iter().copied().collect();
    assert!(granted.len() > 2, "this tried nothing: {granted:?}");
    assert_eq!(different.len(), granted.len(), "a term was granted twice: {granted:?}");
    for (which, role) in ROLES.into_iter().enumerate() {
        assert_eq!(on.look(role).await.term, highest[which].load(Ordering::SeqCst));
    }
}

/// A caller has less patience than a register and leaves in the middle of a call.
async fn a_call_that_was_left_harms_nobody(on: Register) {
    let me = Incarnation::random();
    let held = on.take(me, ROLE).await;
    for polls in 1..6 {
        let way = on.way(0);
        let (names, holdings) = ([ROLE], [held]);
        let mut calls = [
            Some(way.renew(me, &holdings, LEASE).map(drop).boxed()),
            Some(way.look(&names).map(drop).boxed()),
            Some(way.acquire(Incarnation::random(), ROLE, 0, LEASE).map(drop).boxed()),
        ];
        // Each is asked to go on so many times, and then dropped wherever it is.
        for _ in 0..polls {
            for place in &mut calls {
                if let Some(call) = place
                    && poll!(call).is_ready()
                {
                    *place = None;
                }
            }
            tokio::task::yield_now().await;
        }
    }
    assert!(on.renews(me, held).await, "a call that was left ended a holding");
    let lease = on.look(ROLE).await;
    assert_eq!((lease.holder, lease.term), (Some(me), held.term));
}
