//! Mode, service node and settings: what the nodes of an instance have in common.

use super::bench::{Bench, LONG, plant};
use super::jobs::{Claim, new_job};
use crate::catalog::{ChangeSet, Conflict, Expect, Fence, InstanceChange, Role, SettingRow};
use crate::cluster::{ClusterMode, NodeName};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::set;
use crate::ids::{Incarnation, Stamp};

pub(super) const CASES: &[Case<Bench>] = cases![
    an_instance_begins_single_and_without_a_service_node,
    the_mode_is_changed_only_as_it_was_judged,
    the_first_node_becomes_the_service_node,
    who_serves_depends_on_the_mode,
    who_does_not_serve_neither_plants_nor_claims,
    settings_are_kept_by_name,
    every_change_of_the_instance_has_another_revision,
    a_setting_is_expected_as_it_was_read,
];

pub(super) fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub(super) fn mode(from: Stamp, mode: ClusterMode, service: Option<&str>) -> InstanceChange {
    InstanceChange::Mode { from, mode, service_node: service.map(node) }
}

fn setting(name: &str, value: Option<&str>) -> InstanceChange {
    InstanceChange::Set { name: name.into(), value: value.map(str::to_owned) }
}

impl Bench {
    pub(super) async fn revised(&self) -> Stamp {
        let revision = self.revision().await.unwrap();
        assert_eq!(self.instance().await.unwrap().revision, revision, "the revision is one");
        revision
    }

    async fn now_in(&self, to: ClusterMode, service: Option<&str>) {
        let from = self.revised().await;
        self.change(mode(from, to, service)).await;
    }
}

async fn an_instance_begins_single_and_without_a_service_node(bench: Bench) {
    let row = bench.instance().await.unwrap();
    assert_eq!((row.mode, row.service_node), (ClusterMode::Single, None));
    assert_eq!(bench.settings().await.unwrap(), []);
    assert_eq!(bench.revised().await, bench.revised().await, "it changes with what it is about only");
    bench.refused(set().expect(Expect::Serving(node("a"))), Conflict::NotServing, "nobody was named").await;
}

async fn the_mode_is_changed_only_as_it_was_judged(bench: Bench) {
    let from = bench.revised().await;
    for to in ClusterMode::ALL {
        bench.now_in(to, Some("a")).await;
        let row = bench.instance().await.unwrap();
        assert_eq!((row.mode, row.service_node), (to, Some(node("a"))));
        let late = set().with(mode(from, ClusterMode::Single, Some("b")));
        bench.refused(late, Conflict::InstanceChanged, "an old revision").await;
    }
    bench.now_in(ClusterMode::LoadBalanced, None).await;
    assert_eq!(bench.instance().await.unwrap().service_node, None);
}

async fn the_first_node_becomes_the_service_node(bench: Bench) {
    bench.change(InstanceChange::Settle(node("a"))).await;
    let revision = bench.revised().await;
    for other in ["b", "a"] {
        bench.change(InstanceChange::Settle(node(other))).await;
        assert_eq!(bench.instance().await.unwrap().service_node, Some(node("a")), "the first one stays");
    }
    assert_eq!(bench.revised().await, revision, "and nothing has changed");
}

async fn who_serves_depends_on_the_mode(bench: Bench) {
    let serving = |name: &str| set().expect(Expect::Serving(node(name)));
    for to in [ClusterMode::Single, ClusterMode::LoadBalanced] {
        bench.now_in(to, Some("a")).await;
        bench.done(serving("a")).await;
        bench.refused(serving("b"), Conflict::NotServing, "another node is named").await;
        bench.now_in(to, None).await;
        bench.refused(serving("a"), Conflict::NotServing, "no node is named").await;
    }
    for service in [Some("a"), None] {
        bench.now_in(ClusterMode::HighAvailability, service).await;
        bench.done(serving("a")).await;
        bench.done(serving("b")).await;
    }
}

async fn who_does_not_serve_neither_plants_nor_claims(bench: Bench) {
    bench.now_in(ClusterMode::LoadBalanced, Some("a")).await;
    let job = bench.enqueue(new_job("a")).await;
    let fence = Fence { role: Role::PRIMARY, term: 1, holder: Incarnation::random() };
    let work = |name: &str| -> [ChangeSet; 2] {
        let serving = || set().expect(Expect::Serving(node(name)));
        [serving().with(plant(fence)), serving().with(Claim::of(job).for_(LONG))]
    };
    for set in work("b") {
        bench.refused(set, Conflict::NotServing, "a node whose Service is idle").await;
    }
    for set in work("a") {
        bench.done(set).await;
    }
}

async fn settings_are_kept_by_name(bench: Bench) {
    let row = |name: &str, value: &str| SettingRow { name: name.into(), value: value.into() };
    let long = "ä".repeat(100);
    bench
        .done(
            set().with(setting("b", Some("1"))).with(setting("B", Some(""))).with(setting(&long, Some("x"))),
        )
        .await;
    bench.change(setting("b", Some("{\"of\":\"many words\"}"))).await;
    let rows = bench.settings().await.unwrap();
    assert_eq!(
        rows,
        [row("B", ""), row("b", "{\"of\":\"many words\"}"), row(&long, "x")],
        "by name, byte by byte"
    );
    bench.done(set().with(setting("B", None)).with(setting("none", None)).with(setting(&long, None))).await;
    assert_eq!(bench.settings().await.unwrap(), [row("b", "{\"of\":\"many words\"}")]);
}

async fn every_change_of_the_instance_has_another_revision(bench: Bench) {
    let mut seen = vec![bench.revised().await];
    bench.change(InstanceChange::Settle(node("a"))).await;
    seen.push(bench.revised().await);
    for value in [Some("1"), Some("2"), None] {
        bench.change(setting("a", value)).await;
        seen.push(bench.revised().await);
    }
    bench.now_in(ClusterMode::HighAvailability, Some("a")).await;
    seen.push(bench.revised().await);
    let last = seen[seen.len() - 1];
    bench.feed_called("npm").await;
    bench.enqueue(new_job("a")).await;
    assert_eq!(bench.revised().await, last, "feeds and jobs are none of its affair");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6, "none comes twice");
}

async fn a_setting_is_expected_as_it_was_read(bench: Bench) {
    let expect = |name: &str, value: Option<&str>| {
        set().expect(Expect::Setting(name.into(), value.map(str::to_owned)))
    };
    bench.done(expect("sealing", None)).await;
    bench.refused(expect("sealing", Some("1")), Conflict::InstanceChanged, "it is not there").await;
    bench.change(setting("sealing", Some("key a"))).await;
    bench.done(expect("sealing", Some("key a"))).await;
    for other in [None, Some("key b"), Some("KEY A"), Some("key a "), Some("")] {
        bench.refused(expect("sealing", other), Conflict::InstanceChanged, "it is not so").await;
    }
    bench.done(expect("Sealing", None)).await;
    // Judged as it was before the set, and then changed.
    bench.done(expect("sealing", Some("key a")).with(setting("sealing", Some("key b")))).await;
    bench.done(expect("sealing", Some("key b"))).await;
}
