//! Two servers of one cluster while their encryption key is exchanged: what is sealed is sealed anew, on
//! whichever of them has the Service and while others change it; what cannot be is named and stays whole.

use proget_server::proget_cluster::election::{BootClock, Election, MemoryElection};
use proget_server::proget_cluster::membership::{Membership, MemoryMembership};
use proget_server::proget_cluster::node::keys::KeyReport;
use proget_server::proget_core::access::Actor;
use proget_server::proget_core::catalog::{Catalog as _, ChangeSet, Instance as _};
use proget_server::proget_core::cluster::NodeName;
use proget_server::proget_core::keys::{
    EncryptionKey, Fingerprint, KeyRing, MachineKey, SecretChange, Stored, expect_sealing,
};
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::proget_core::{Principal, Problem, SystemClock};
use proget_server::{ClusterParts, MountedServer, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

struct Cluster {
    catalog: Arc<MemoryCatalog>,
    membership: Arc<dyn Membership>,
    election: Arc<dyn Election>,
    store: (Arc<MemoryStore>, Arc<MemoryStaging>),
}

/// A server with what its administrators and its other parts do.
struct Node {
    cluster: Arc<proget_server::proget_cluster::node::Cluster>,
    ring: KeyRing,
    _runs: MountedServer,
}

impl Cluster {
    fn new() -> Self {
        Self {
            catalog: Arc::new(MemoryCatalog::new(Arc::new(SystemClock))),
            membership: Arc::new(MemoryMembership::new(Arc::new(BootClock))),
            election: Arc::new(MemoryElection::new(Arc::new(BootClock))),
            store: (Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new())),
        }
    }

    async fn node(&self, name: &str, ring: &KeyRing, machine: Option<&MachineKey>) -> Node {
        let parts = ClusterParts {
            membership: self.membership.clone(),
            election: self.election.clone(),
            keys: Some(ring.clone()),
            machine_key: machine.map(MachineKey::fingerprint),
            ..ClusterParts::alone(NodeName::new(name).unwrap())
        };
        let server = Server::builder()
            .catalog(self.catalog.clone())
            .packages(self.store.0.clone(), self.store.1.clone())
            .cluster(parts)
            .build()
            .await
            .unwrap();
        let cluster = server.cluster().clone();
        let node = Node { cluster, ring: ring.clone(), _runs: server.endpoint() };
        let joined = |report: &KeyReport| {
            report.sealing.is_some()
                && report.keys.iter().any(|key| key.held_by.iter().any(|node| node.as_str() == name))
        };
        node.until("it has joined", joined).await;
        node
    }

    async fn stored(&self) -> Vec<Stored> {
        Stored::read(&self.catalog.settings().await.unwrap()).unwrap()
    }
}

impl Node {
    async fn report(&self) -> KeyReport {
        self.cluster.key_report(&Principal::system()).await.unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&KeyReport) -> bool) -> KeyReport {
        let begun = Instant::now();
        loop {
            let report = self.report().await;
            if is_so(&report) {
                return report;
            }
            assert!(begun.elapsed() < SOON, "waited until {what}: {report:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn keep(&self, name: &str, secret: Option<&str>) -> Result<(), Problem> {
        let secret = secret.map(str::as_bytes);
        self.cluster.registry.keep_secret(&Principal::system(), Some(&self.ring), name, secret).await
    }

    async fn secret(&self, name: &str) -> Option<String> {
        let opened = self.cluster.registry.secret(Some(&self.ring), name).await.unwrap()?;
        Some(String::from_utf8(opened.reveal().to_vec()).unwrap())
    }

    async fn promote(&self, key: Fingerprint) {
        self.cluster.promote_key(&Principal::system(), key).await.unwrap();
    }

    async fn retire(&self, key: Fingerprint) -> Result<Vec<NodeName>, Problem> {
        self.cluster.retire_key(&Principal::system(), key).await
    }
}

fn is_over(report: &KeyReport, state: &str) -> bool {
    report.reseal.as_ref().is_some_and(|reseal| reseal.state == state)
}

fn values(report: &KeyReport, key: Fingerprint) -> u64 {
    report.keys.iter().find(|line| line.fingerprint == key).map_or(0, |line| line.values)
}

fn ring_of_two() -> (KeyRing, Fingerprint, Fingerprint) {
    let keys = vec![EncryptionKey::generate().unwrap(), EncryptionKey::generate().unwrap()];
    let (old, new) = (keys[0].fingerprint(), keys[1].fingerprint());
    (KeyRing::new(keys).unwrap(), old, new)
}

#[tokio::test]
async fn all_that_is_sealed_is_sealed_anew_while_others_change_it_and_the_newest_stays() {
    const VALUES: usize = 40;
    let cluster = Cluster::new();
    let (ring, old, new) = ring_of_two();
    let (a, b) = (cluster.node("a", &ring, None).await, cluster.node("b", &ring, None).await);
    for place in 0..VALUES {
        a.keep(&format!("test/{place}"), Some(&format!("first {place}"))).await.unwrap();
    }
    let report = b.report().await;
    assert_eq!((report.sealing, values(&report, old)), (Some(old), VALUES as u64 + 1), "and the canary");
    let refused = b.retire(old).await.unwrap_err();
    assert_eq!(refused, Problem::Changed(format!("the key {old} seals; promote another one first")));

    // Somebody changes values all the while.
    let over = AtomicBool::new(false);
    let changing = async {
        let mut round = 0;
        while !over.load(Ordering::SeqCst) {
            round += 1;
            a.keep(&format!("test/{}", round % 5), Some(&format!("round {round}"))).await.unwrap();
            tokio::task::yield_now().await;
        }
        round
    };
    let exchanging = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        b.promote(new).await;
        let report = a.until("all is sealed anew", |report| is_over(report, "done")).await;
        over.store(true, Ordering::SeqCst);
        report
    };
    let (rounds, report) = tokio::join!(changing, exchanging);
    assert_eq!((values(&report, old), values(&report, new)), (0, VALUES as u64 + 1), "{report:#?}");
    assert!(cluster.stored().await.iter().all(|one| one.sealed.key() == new));
    for place in 0..VALUES {
        let said = b.secret(&format!("test/{place}")).await.unwrap();
        let last = (1..=rounds).rev().find(|round| round % 5 == place).filter(|_| place < 5);
        assert_eq!(said, last.map_or(format!("first {place}"), |round| format!("round {round}")));
    }
    assert_eq!(b.retire(old).await.unwrap().len(), 2, "both still have it");
    let report = a.report().await;
    let line = report.keys.iter().find(|line| line.fingerprint == old).unwrap();
    assert!(line.retired && !line.may_be_retired, "{line:?}");
}

#[tokio::test]
async fn what_cannot_be_sealed_anew_is_named_keeps_its_key_from_being_retired_and_stops_nothing_else() {
    let cluster = Cluster::new();
    let (ring, old, new) = ring_of_two();
    let a = cluster.node("a", &ring, None).await;
    for name in ["one", "other"] {
        a.keep(name, Some("a secret")).await.unwrap();
    }
    // As if a server had sealed it that has a key which is lost by now.
    let lost = EncryptionKey::generate().unwrap();
    let key = lost.fingerprint();
    let strange = SecretChange::seal("lost", b"x", &KeyRing::new(vec![lost]).unwrap(), key).unwrap();
    assert_eq!(strange.expect, [expect_sealing(key)], "this is what would keep it out");
    cluster.catalog.commit(ChangeSet::by(Actor("test".into())).with(strange.change)).await.unwrap();
    a.promote(new).await;
    let report = a
        .until("it says what is wrong", |report| {
            report.reseal.as_ref().is_some_and(|reseal| reseal.outcome.is_some())
        })
        .await;
    let said = report.reseal.as_ref().and_then(|reseal| reseal.outcome.clone()).unwrap();
    assert!(
        said.starts_with("2 values sealed anew, 1 not: lost: ") && said.contains(&key.to_string()),
        "{said}"
    );
    assert_eq!((values(&report, old), values(&report, new), values(&report, key)), (0, 3, 1));
    let refused = a.retire(key).await.unwrap_err();
    assert!(
        matches!(&refused, Problem::Changed(why) if why.starts_with("1 sealed values still need")),
        "{refused:?}"
    );
    a.retire(old).await.unwrap();
    a.keep("lost", Some("entered anew")).await.unwrap();
    a.cluster.reseal(&Principal::system()).await.unwrap();
    a.until("all is well", |report| is_over(report, "done")).await;
    assert_eq!(a.secret("lost").await.as_deref(), Some("entered anew"));
    a.keep("lost", None).await.unwrap();
    assert_eq!(a.secret("lost").await, None);
}

#[tokio::test]
async fn secrets_need_a_key_a_name_of_decent_length_and_an_administrator() {
    let cluster = Cluster::new();
    let (ring, ..) = ring_of_two();
    let a = cluster.node("a", &ring, None).await;
    let registry = &a.cluster.registry;
    let nobody = registry.keep_secret(&Principal::anonymous(), Some(&ring), "x", Some(b"x")).await;
    assert!(matches!(nobody, Err(Problem::Unauthenticated(_))), "{nobody:?}");
    for (ring, name) in [(None, "x".to_owned()), (Some(&ring), String::new()), (Some(&ring), "x".repeat(94))]
    {
        let refused = registry.keep_secret(&Principal::system(), ring, &name, Some(b"x")).await;
        assert!(matches!(refused, Err(Problem::Refused(_))), "{refused:?}");
    }
    a.keep(&"x".repeat(93), Some("x")).await.unwrap();
    assert!(matches!(registry.secret(None, &"x".repeat(93)).await, Err(Problem::Internal { .. })));
    assert_eq!(cluster.stored().await.len(), 1);
    let nobody = a.cluster.key_report(&Principal::anonymous()).await;
    assert!(matches!(nobody, Err(Problem::Unauthenticated(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_server_with_another_machine_key_is_named_and_the_others_are_not() {
    let cluster = Cluster::new();
    let (ring, ..) = ring_of_two();
    let machine = MachineKey::generate().unwrap();
    let a = cluster.node("a", &ring, Some(&machine)).await;
    let _b = cluster.node("b", &ring, Some(&machine)).await;
    let _c = cluster.node("c", &ring, Some(&MachineKey::generate().unwrap())).await;
    let _d = cluster.node("d", &ring, None).await;
    let report = a.report().await;
    let told: Vec<_> = report.machine_keys.iter().map(|line| (line.node.as_str(), line.in_sync)).collect();
    assert_eq!(told, [("a", true), ("b", true), ("c", false), ("d", false)]);
    let status = a.cluster.status(&Principal::system()).await.unwrap();
    let about = status.warnings.iter().filter(|warning| warning.what.contains("machine key"));
    let named: Vec<_> = about.filter_map(|warning| warning.node.as_ref().map(NodeName::as_str)).collect();
    assert_eq!(named, ["c", "d"]);
}
