//! Leaving, removing and forgetting.

use super::{ABANDONED, Case, RULES, Register, SHORT, cases, name, process, who};
use crate::membership::{Component, MembershipError, NodeCard, Removal};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::time::Duration;

pub(super) const CASES: &[Case] = cases![
    leaving_frees_the_name_at_once_and_may_be_repeated,
    a_late_leave_takes_nothing_from_a_successor,
    a_node_that_beats_is_removed_only_by_force,
    a_node_is_not_removed_while_one_of_its_processes_beats,
    a_silent_node_is_removed_and_no_other,
    a_removed_process_does_not_come_back_by_beating,
    a_node_that_is_not_here_cannot_be_removed,
    what_a_removed_node_holds_expires_and_nothing_else,
    taking_a_name_over_touches_no_lease,
    those_of_whom_nothing_was_heard_are_forgotten_and_no_others,
];

/// A node that was silent for so long may be removed.
const SILENT: Removal = Removal::Silent(ABANDONED);

/// Longer than any case lets pass.
const LEASE: Duration = Duration::from_secs(3600);

async fn leaving_frees_the_name_at_once_and_may_be_repeated(on: Register) {
    let (first, second) = (process("a"), process("a"));
    on.join(&first).await;
    for _ in 0..2 {
        on.one().leave(&first.name, first.incarnation).await.unwrap();
    }
    assert!(on.here().await.is_empty());
    assert!(!on.beat(&first).await);
    on.join(&second).await;
    assert_eq!(on.here().await, [who(&second)]);
}

async fn a_late_leave_takes_nothing_from_a_successor(on: Register) {
    let (first, second, other) = (process("a"), process("a"), process("b"));
    on.join(&first).await;
    on.join(&other).await;
    on.pass(ABANDONED).await;
    on.join(&second).await;
    on.one().leave(&first.name, first.incarnation).await.unwrap();
    on.one().leave(&first.name, other.incarnation).await.unwrap();
    assert_eq!(on.here().await, [who(&second), who(&other)]);
}

async fn a_node_that_beats_is_removed_only_by_force(on: Register) {
    let a = process("a");
    on.join(&a).await;
    on.pass(ABANDONED - SHORT).await;
    let refused = on.one().remove(&a.name, SILENT).await;
    assert!(matches!(refused, Err(MembershipError::Fresh { .. })), "{refused:?}");
    assert!(on.beat(&a).await);
    assert_eq!(on.one().remove(&a.name, Removal::Forced).await.unwrap(), [a.incarnation]);
    assert!(on.here().await.is_empty());
}

async fn a_node_is_not_removed_while_one_of_its_processes_beats(on: Register) {
    let one = |component| NodeCard::bare(name("a"), Incarnation::random(), [component]);
    let (web, service) = (one(Component::Web), one(Component::Service));
    on.join(&web).await;
    on.join(&service).await;
    on.pass(ABANDONED).await;
    assert!(on.beat(&web).await);
    let refused = on.one().remove(&web.name, SILENT).await;
    assert!(matches!(refused, Err(MembershipError::Fresh { .. })), "{refused:?}");
    assert_eq!(on.here().await.len(), 2, "half of it was removed");
    let mut gone = on.one().remove(&web.name, Removal::Forced).await.unwrap();
    gone.sort();
    let mut both = [web.incarnation, service.incarnation];
    both.sort();
    assert_eq!(gone, both);
}

async fn a_silent_node_is_removed_and_no_other(on: Register) {
    let (a, b) = (process("a"), process("b"));
    on.join(&a).await;
    on.join(&b).await;
    on.pass(ABANDONED).await;
    assert_eq!(on.one().remove(&a.name, SILENT).await.unwrap(), [a.incarnation]);
    assert_eq!(on.here().await, [who(&b)]);
}

async fn a_removed_process_does_not_come_back_by_beating(on: Register) {
    let a = process("a");
    on.join(&a).await;
    on.one().remove(&a.name, Removal::Forced).await.unwrap();
    for _ in 0..2 {
        assert!(!on.beat(&a).await);
        assert!(on.here().await.is_empty());
    }
}

async fn a_node_that_is_not_here_cannot_be_removed(on: Register) {
    on.join(&process("a")).await;
    for removal in [SILENT, Removal::Forced] {
        let refused = on.one().remove(&name("b"), removal).await;
        assert!(matches!(refused, Err(MembershipError::Absent(_))), "{refused:?}");
    }
    assert_eq!(on.here().await.len(), 1);
}

async fn what_a_removed_node_holds_expires_and_nothing_else(on: Register) {
    let (a, b) = (process("a"), process("b"));
    on.join(&a).await;
    on.join(&b).await;
    on.election.look(&[Role::PRIMARY, Role::SWEEPER]).await.unwrap();
    let term = on.election.acquire(a.incarnation, Role::PRIMARY, 0, LEASE).await.unwrap().unwrap();
    on.election.acquire(b.incarnation, Role::SWEEPER, 0, LEASE).await.unwrap().unwrap();
    on.one().remove(&a.name, Removal::Forced).await.unwrap();
    let leases = on.election.look(&[Role::PRIMARY, Role::SWEEPER]).await.unwrap();
    assert_eq!(leases[0].left, None, "{leases:?}");
    assert_eq!(leases[0].term, term, "a term only grows");
    assert!(leases[1].left.is_some(), "{leases:?}");
    let next = on.election.acquire(b.incarnation, Role::PRIMARY, 0, LEASE).await.unwrap().unwrap();
    assert!(next > term);
}

async fn taking_a_name_over_touches_no_lease(on: Register) {
    let (first, second) = (process("a"), process("a"));
    on.join(&first).await;
    on.election.look(&[Role::PRIMARY]).await.unwrap();
    on.election.acquire(first.incarnation, Role::PRIMARY, 0, LEASE).await.unwrap().unwrap();
    on.pass(ABANDONED).await;
    on.one().join(&second, RULES).await.unwrap();
    let leases = on.election.look(&[Role::PRIMARY]).await.unwrap();
    assert_eq!(leases[0].holder, Some(first.incarnation));
    assert!(leases[0].left.is_some(), "nothing is taken over because somebody is silent");
}

async fn those_of_whom_nothing_was_heard_are_forgotten_and_no_others(on: Register) {
    let (a, b, c) = (process("a"), process("b"), process("c"));
    for card in [&a, &b, &c] {
        on.join(card).await;
    }
    on.election.look(&[Role::PRIMARY]).await.unwrap();
    on.election.acquire(a.incarnation, Role::PRIMARY, 0, LEASE).await.unwrap().unwrap();
    assert!(on.one().forget(ABANDONED).await.unwrap().is_empty());
    on.pass(ABANDONED).await;
    assert!(on.beat(&b).await);
    let gone = on.one().forget(ABANDONED).await.unwrap();
    assert_eq!(gone, [(a.name.clone(), a.incarnation), (c.name.clone(), c.incarnation)]);
    assert_eq!(on.here().await, [who(&b)]);
    assert_eq!(on.election.look(&[Role::PRIMARY]).await.unwrap()[0].left, None);
    assert!(!on.beat(&a).await);
}
