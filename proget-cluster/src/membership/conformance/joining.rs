//! Joining, beating, and what a roster shows.

use super::{ABANDONED, Case, RULES, Register, SHORT, cases, is_taken, name, process, who};
use crate::membership::{Beaten, Component, JoinRules, Membership, MembershipError, NodeCard, Phase};
use futures::future::join_all;
use proget_core::ids::Incarnation;
use std::sync::Arc;
use std::time::Instant;

pub(super) const CASES: &[Case] = cases![
    a_roster_has_a_time_also_if_nobody_is_here,
    who_joined_is_in_the_roster_as_it_said_and_by_name,
    a_beat_says_what_the_card_says_now_and_makes_the_process_young_again,
    a_beat_makes_no_seat,
    a_beat_under_another_name_is_none,
    another_process_with_a_beating_nodes_name_is_refused,
    a_successor_has_the_name_of_a_silent_process_and_that_one_learns_it,
    joining_again_with_the_same_incarnation_renews_the_seats,
    two_processes_of_one_node_may_have_different_components,
    a_successor_of_one_component_takes_all_seats_of_a_silent_process,
    no_more_nodes_join_than_may_be_here_and_a_name_counts_once,
    of_many_that_join_under_one_name_one_gets_it,
    of_many_that_join_for_the_last_place_one_gets_it,
    a_process_is_either_succeeded_or_has_beaten_and_never_both,
];

async fn a_roster_has_a_time_also_if_nobody_is_here(on: Register) {
    let roster = on.roster().await;
    assert!(roster.members.is_empty());
    assert!(roster.at.0 > 1_700_000_000_000, "{}", roster.at);
}

async fn who_joined_is_in_the_roster_as_it_said_and_by_name(on: Register) {
    let (b, mut a) = (process("b"), process("a"));
    a.version = "1.2.3".into();
    a.addresses = vec!["http://10.0.0.1:8624".into()];
    a.keys = vec!["00ff".into()];
    a.sees = vec![(b.incarnation, true)];
    on.join(&b).await;
    on.join(&a).await;
    let roster = on.roster().await;
    assert_eq!(on.here().await, [who(&a), who(&b)]);
    let member = roster.member(a.incarnation).unwrap();
    assert_eq!(member.card, a);
    let components: Vec<Component> = member.beats.iter().map(|(component, _)| *component).collect();
    assert_eq!(components, Component::ALL);
    assert!(member.silent_for() < SHORT, "{:?}", member.silent_for());
    assert!(member.joined <= roster.at && roster.at.0 - member.joined.0 < 60_000);
}

async fn a_beat_says_what_the_card_says_now_and_makes_the_process_young_again(on: Register) {
    let (mut a, b) = (process("a"), process("b"));
    on.join(&a).await;
    on.join(&b).await;
    on.pass(ABANDONED).await;
    a.phase = Phase::Serving;
    a.load.requests = 7;
    assert!(on.beat(&a).await);
    let roster = on.roster().await;
    let member = roster.member(a.incarnation).unwrap();
    assert_eq!(member.card, a);
    assert!(member.beats.iter().all(|(_, silent)| *silent < SHORT), "{:?}", member.beats);
    let other = roster.member(b.incarnation).unwrap();
    assert_eq!(other.card, b);
    assert!(other.silent_for() >= ABANDONED, "a beat made another process young");
}

async fn a_beat_makes_no_seat(on: Register) {
    let a = process("a");
    assert!(!on.beat(&a).await);
    assert!(on.here().await.is_empty());
}

async fn a_beat_under_another_name_is_none(on: Register) {
    let a = process("a");
    on.join(&a).await;
    let masked = NodeCard { name: name("b"), ..a.clone() };
    assert!(!on.beat(&masked).await);
    assert_eq!(on.here().await, [who(&a)]);
}

async fn another_process_with_a_beating_nodes_name_is_refused(on: Register) {
    let (first, second) = (process("a"), process("a"));
    on.join(&first).await;
    on.pass(ABANDONED - SHORT).await;
    let refused = on.one().join(&second, RULES).await;
    assert!(is_taken(&refused), "{refused:?}");
    assert!(on.beat(&first).await);
    assert!(!on.beat(&second).await);
    assert_eq!(on.here().await, [who(&first)]);
}

async fn a_successor_has_the_name_of_a_silent_process_and_that_one_learns_it(on: Register) {
    let (first, second) = (process("a"), process("a"));
    on.join(&first).await;
    on.pass(ABANDONED).await;
    on.join(&second).await;
    assert!(!on.beat(&first).await, "it has lost its seats");
    assert!(on.beat(&second).await);
    assert_eq!(on.here().await, [who(&second)]);
}

async fn joining_again_with_the_same_incarnation_renews_the_seats(on: Register) {
    let mut a = process("a");
    on.join(&a).await;
    a.components = [Component::Web].into();
    a.version = "2".into();
    on.join(&a).await;
    let roster = on.roster().await;
    assert_eq!(roster.members.len(), 1);
    assert_eq!(roster.members[0].card, a);
    assert_eq!(roster.members[0].beats.len(), 1);
}

async fn two_processes_of_one_node_may_have_different_components(on: Register) {
    let one = |component| NodeCard::bare(name("a"), Incarnation::random(), [component]);
    let (web, service) = (one(Component::Web), one(Component::Service));
    on.join(&service).await;
    on.join(&web).await;
    assert_eq!(on.here().await, [who(&web), who(&service)]);
    assert!(on.beat(&web).await && on.beat(&service).await);
    let refused = on.one().join(&one(Component::Web), RULES).await;
    assert!(matches!(refused, Err(MembershipError::Taken { component: Component::Web, .. })), "{refused:?}");
}

async fn a_successor_of_one_component_takes_all_seats_of_a_silent_process(on: Register) {
    let whole = process("a");
    let web = NodeCard::bare(name("a"), Incarnation::random(), [Component::Web]);
    on.join(&whole).await;
    on.pass(ABANDONED).await;
    on.join(&web).await;
    assert!(!on.beat(&whole).await, "a process has all of its seats or none");
    assert_eq!(on.here().await, [who(&web)]);
}

async fn no_more_nodes_join_than_may_be_here_and_a_name_counts_once(on: Register) {
    let rules = JoinRules { max_servers: Some(2), ..RULES };
    let one = |component| NodeCard::bare(name("a"), Incarnation::random(), [component]);
    on.one().join(&one(Component::Web), rules).await.unwrap();
    on.one().join(&one(Component::Service), rules).await.unwrap();
    on.one().join(&process("b"), rules).await.unwrap();
    let refused = on.one().join(&process("c"), rules).await;
    assert!(matches!(refused, Err(MembershipError::Full { present: 2, limit: 2 })), "{refused:?}");
    assert_eq!(on.here().await.len(), 3);
    on.pass(ABANDONED).await;
    on.one().join(&process("b"), rules).await.expect("a node that is here may begin anew");
}

async fn of_many_that_join_under_one_name_one_gets_it(on: Register) {
    let processes: Vec<NodeCard> = (0..20).map(|_| process("a")).collect();
    let mut joining = Vec::new();
    for (number, card) in processes.iter().enumerate() {
        joining.push(join_at_last(on.way(number), card.clone(), RULES));
    }
    let outcomes = join_all(joining).await;
    let winners: Vec<usize> = (0..20).filter(|number| outcomes[*number].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_taken(outcome)), "{outcomes:?}");
    assert_eq!(on.here().await, [who(&processes[winners[0]])]);
}

async fn of_many_that_join_for_the_last_place_one_gets_it(on: Register) {
    let rules = JoinRules { max_servers: Some(2), ..RULES };
    on.join(&process("first")).await;
    let processes: Vec<NodeCard> = (0..10).map(|number| process(&format!("n{number}"))).collect();
    let mut joining = Vec::new();
    for (number, card) in processes.iter().enumerate() {
        joining.push(join_at_last(on.way(number), card.clone(), rules));
    }
    let outcomes = join_all(joining).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(on.here().await.len(), 2);
}

async fn a_process_is_either_succeeded_or_has_beaten_and_never_both(on: Register) {
    for round in 0..20 {
        let of = format!("n{round}");
        let (first, second) = (process(&of), process(&of));
        on.join(&first).await;
        on.pass(ABANDONED).await;
        let (old, new) = (on.way(round), on.way(round + 1));
        let (beaten, joined) =
            futures::join!(beat_at_last(old, first.clone()), join_at_last(new, second, RULES),);
        let (beaten, joined) = (beaten.unwrap().seated, joined.is_ok());
        assert!(beaten != joined, "round {round}: beaten {beaten}, succeeded {joined}");
        assert_eq!(on.beat(&first).await, beaten, "round {round}");
    }
}

/// A database may break one of two that meet off; whatever was not answered may be repeated.
async fn join_at_last(
    way: Arc<dyn Membership>,
    card: NodeCard,
    rules: JoinRules,
) -> Result<(), MembershipError> {
    let begun = Instant::now();
    loop {
        match way.join(&card, rules).await {
            Err(MembershipError::Unanswered { .. }) if begun.elapsed() < SHORT => {}
            outcome => return outcome,
        }
    }
}

/// As `join_at_last`.
async fn beat_at_last(way: Arc<dyn Membership>, card: NodeCard) -> Result<Beaten, MembershipError> {
    let begun = Instant::now();
    loop {
        match way.beat(&card).await {
            Err(MembershipError::Unanswered { .. }) if begun.elapsed() < SHORT => {}
            outcome => return outcome,
        }
    }
}
