//! The instance: its identity, the witness, and deletes that are stopped.

use super::bench::Bench;
use crate::catalog::{Conflict, InstanceChange};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::set;
use uuid::Uuid;

pub(super) const CASES: &[Case<Bench>] = cases![
    an_instance_keeps_its_identity,
    the_witness_is_replaced_only_by_who_knows_it,
    deletes_stay_stopped_until_confirmed,
    the_clock_of_the_catalogue_does_not_go_back,
    a_catalogue_answers_a_ping_and_names_itself,
];

async fn an_instance_keeps_its_identity(bench: Bench) {
    let first = bench.instance().await.unwrap();
    assert_eq!((first.witness, &first.deletes_stopped, &first.known_identity), (None, &None, &None));
    assert!(!first.installation.is_nil(), "an installation has an id");
    assert!(!first.identity.is_empty(), "a database knows who it is");
    bench.feed_called("npm").await;
    let second = bench.instance().await.unwrap();
    assert_eq!((second.installation, second.identity), (first.installation, first.identity));
}

async fn the_witness_is_replaced_only_by_who_knows_it(bench: Bench) {
    let fence = bench.fence().await;
    let witness = |previous, next| {
        set().fenced(fence).with(InstanceChange::Witness { previous, next, identity: "database 1".into() })
    };
    let [first, second] = [Uuid::new_v4(), Uuid::new_v4()];
    let early = witness(Some(first), second);
    bench.refused(early, Conflict::InstanceChanged, "there is no witness yet").await;
    bench.done(witness(None, first)).await;
    let row = bench.instance().await.unwrap();
    assert_eq!((row.witness, row.known_identity.as_deref()), (Some(first), Some("database 1")));
    bench.refused(witness(None, second), Conflict::InstanceChanged, "there is a witness").await;
    bench.done(witness(Some(first), second)).await;
    bench.refused(witness(Some(first), first), Conflict::InstanceChanged, "the witness before").await;
    assert_eq!(bench.instance().await.unwrap().witness, Some(second));
}

async fn deletes_stay_stopped_until_confirmed(bench: Bench) {
    let fence = bench.fence().await;
    let (next, identity) = (Uuid::new_v4(), "another database".into());
    bench.done(set().fenced(fence).with(InstanceChange::Witness { previous: None, next, identity })).await;
    bench.change(InstanceChange::StopDeletes("store and catalogue differ".into())).await;
    let stopped = bench.instance().await.unwrap();
    assert_eq!(stopped.deletes_stopped.as_deref(), Some("store and catalogue differ"));
    bench.change(InstanceChange::ConfirmDeletes).await;
    let confirmed = bench.instance().await.unwrap();
    assert_eq!((confirmed.deletes_stopped, confirmed.witness), (None, Some(next)));
    assert_eq!(confirmed.known_identity, None, "the next sweep is to remember the present identity");
}

async fn the_clock_of_the_catalogue_does_not_go_back(bench: Bench) {
    let mut before = bench.instance().await.unwrap().now;
    for _ in 0..20 {
        let now = bench.instance().await.unwrap().now;
        assert!(now >= before, "{now} comes after {before}");
        before = now;
    }
    assert!(before.0 > 1_000_000_000_000, "milliseconds since 1970: {before}");
}

async fn a_catalogue_answers_a_ping_and_names_itself(bench: Bench) {
    bench.ping().await.unwrap();
    assert!(!bench.to_string().is_empty(), "operators know it by a name");
}
