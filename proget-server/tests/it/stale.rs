//! A server that is cut off from its database: what it remembers can be read within the bound, marked, by
//! those who may, and everything else is 503.

use super::kit::{Answer, Caller, client, eventually, package};
use async_trait::async_trait;
use proget_server::accounts::{FirstAdministrator, FirstPassword, KeyText};
use proget_server::proget_cluster::election::BootClock;
use proget_server::proget_cluster::membership::{
    Beaten, JoinRules, Membership, MembershipError, MemoryMembership, NodeCard, Removal, Roster,
};
use proget_server::proget_core::access::{FeedRight, FeedScope, Permissions, Rights};
use proget_server::proget_core::catalog::{KeyKind, NewKey};
use proget_server::proget_core::cluster::NodeName;
use proget_server::proget_core::ids::Incarnation;
use proget_server::proget_core::memory::faulty::FaultyCatalog;
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::proget_core::{Principal, Registry, SystemClock};
use proget_server::{ClusterParts, Server, StaleReaders, StaleReads};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A roster that can go away, as it does together with the database.
#[derive(Debug)]
struct FaultyRoster(MemoryMembership, AtomicBool);

impl FaultyRoster {
    fn reach(&self) -> Result<&MemoryMembership, MembershipError> {
        let away = MembershipError::Unanswered { doing: "using a roster with faults", source: None };
        if self.1.load(Ordering::SeqCst) { Err(away) } else { Ok(&self.0) }
    }
}

#[async_trait]
impl Membership for FaultyRoster {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        self.reach()?.join(card, rules).await
    }
    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        self.reach()?.beat(card).await
    }
    async fn roster(&self) -> Result<Roster, MembershipError> {
        self.reach()?.roster().await
    }
    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        self.reach()?.leave(name, incarnation).await
    }
    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        self.reach()?.remove(name, removal).await
    }
    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        self.reach()?.forget(silent_for).await
    }
}

struct House {
    catalog: Arc<FaultyCatalog>,
    roster: Arc<FaultyRoster>,
    url: String,
    admin: Caller,
    reader: Caller,
    /// Another key that may read, and has not been used.
    stranger: Caller,
    _stop: tokio_util::sync::DropGuard,
}

async fn key(registry: &Registry, feed: &str) -> String {
    let text = KeyText::random().unwrap();
    let scope = FeedScope::One(registry.feed(feed).await.unwrap().id);
    let may = Permissions { view: true, ..Permissions::default() };
    let key = NewKey {
        kind: KeyKind::Feed,
        hash: text.hash(),
        hint: text.hint(),
        display_name: "reader".into(),
        description: String::new(),
        rights: Rights { feeds: vec![FeedRight { scope, may }], ..Rights::default() },
        user: None,
        expires: None,
    };
    registry.create_key(&Principal::system(), key).await.unwrap();
    text.reveal().to_owned()
}

impl House {
    /// A server with an open feed and a closed one, of which `left-pad` was read by an administrator and
    /// by a key; fast timings, so that it is soon late.
    async fn new(readers: StaleReaders, bound: Duration) -> Self {
        let catalog = Arc::new(FaultyCatalog::new(Arc::new(MemoryCatalog::new(Arc::new(SystemClock)))));
        let memory = MemoryMembership::new(Arc::new(BootClock));
        let roster = Arc::new(FaultyRoster(memory, AtomicBool::new(false)));
        let secret = KeyText::random().unwrap();
        let parts = ClusterParts::alone(NodeName::new("a").unwrap());
        let server = Server::builder()
            .catalog(catalog.clone())
            .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
            .administrator(FirstAdministrator {
                password: FirstPassword::Absent,
                api_key: Some(secret.clone()),
            })
            .feed("open", "npm")
            .feed("closed", "npm")
            .cluster(ClusterParts { membership: roster.clone(), ..parts })
            .stale_reads(StaleReads { readers, bound })
            .listen("127.0.0.1:0")
            .build()
            .await
            .unwrap();
        let keys = (key(server.registry(), "closed").await, key(server.registry(), "closed").await);
        let listening = server.listen().await.unwrap();
        let url = listening.url();
        let stop = CancellationToken::new();
        tokio::spawn(listening.serve(stop.clone()));
        let admin = Caller::at(&url, Some(secret.reveal()));
        let (reader, stranger) = (Caller::at(&url, Some(&keys.0)), Caller::at(&url, Some(&keys.1)));
        admin.post("/api/cluster/settings", &json!({"preset": "fast"})).await.expect(200);
        let update = "/api/management/feeds/update/open";
        admin.post(update, &json!({"anonymousView": true})).await.expect(200);
        for feed in ["open", "closed"] {
            for name in ["left-pad", "unread"] {
                admin.upload(feed, package(name, "1.3.0")).await.expect(200);
            }
            for caller in [&admin, &reader] {
                caller.get(&format!("/npm/{feed}/left-pad")).await;
                caller.get(&format!("/npm/{feed}/left-pad/-/left-pad-1.3.0.tgz")).await;
            }
        }
        Self { catalog, roster, url, admin, reader, stranger, _stop: stop.drop_guard() }
    }

    async fn ready(&self, query: &str) -> u16 {
        Caller::at(&self.url, None).get(&format!("/health/ready{query}")).await.status
    }

    /// The database goes away; the server knows it.
    async fn cut_off(&self) {
        self.catalog.go_away();
        self.roster.1.store(true, Ordering::SeqCst);
        // Not yet late: whoever asks now is told to come back.
        self.admin.get("/npm/open/left-pad").await.expect(503);
        let is_open = || async { Caller::at(&self.url, None).get("/npm/open/left-pad").await.status == 200 };
        eventually("the server answers from memory", is_open).await;
    }
}

#[track_caller]
fn stale(answer: Answer) -> Answer {
    let answer = answer.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("x-proget-stale").parse::<u64>().unwrap() < 60, "{:?}", answer.headers);
    answer
}

#[tokio::test]
async fn what_was_read_is_answered_to_who_is_known_and_everything_else_is_503() {
    let house = House::new(StaleReaders::Known, Duration::from_secs(60)).await;
    assert_eq!((house.ready("").await, house.ready("?stale-reads").await), (200, 200));
    let fresh = house.admin.get("/npm/open/left-pad").await.expect(200);
    assert!(!fresh.headers.contains_key("x-proget-stale"));
    house.cut_off().await;
    assert_eq!((house.ready("").await, house.ready("?stale-reads").await), (503, 200));
    let (nobody, admin) = (Caller::at(&house.url, None), &house.admin);
    for caller in [&nobody, admin, &house.reader, &house.stranger] {
        let document = stale(caller.get("/npm/open/left-pad").await);
        assert_eq!(document.body, fresh.body, "the very same document");
        stale(caller.get("/npm/open/left-pad/-/left-pad-1.3.0.tgz").await);
    }
    for caller in [admin, &house.reader] {
        stale(caller.get("/npm/closed/left-pad").await);
        stale(caller.get("/npm/closed/left-pad/-/left-pad-1.3.0.tgz").await);
    }
    let head = Answer::of(house.reader.request(Method::HEAD, "/npm/closed/left-pad")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    // A key that is good but was not seen, a feed and packages that are not there or were not read, what
    // needs the database, and whatever writes.
    for refused in [
        house.stranger.get("/npm/closed/left-pad").await,
        nobody.get("/npm/closed/left-pad").await,
        Caller::at(&house.url, Some("pg_wrong")).get("/npm/closed/left-pad").await,
        admin.get("/npm/closed/unread").await,
        admin.get("/npm/open/nothing").await,
        admin.get("/npm/nowhere/left-pad").await,
        admin.get("/pypi/open/simple/left-pad/").await,
        admin.get("/npm/open/-/v1/search?text=left").await,
        admin.get("/api/packages/open").await,
        admin.upload("open", package("left-pad", "1.4.0")).await,
        admin.delete("/npm/open/left-pad/-rev/1").await,
    ] {
        let refused = refused.expect(503);
        assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
        assert!(!refused.headers.contains_key("x-proget-stale"));
    }
}

#[tokio::test]
async fn a_server_whose_database_is_back_answers_freshly_again() {
    let house = House::new(StaleReaders::Known, Duration::from_secs(60)).await;
    house.cut_off().await;
    stale(house.reader.get("/npm/closed/left-pad").await);
    house.catalog.come_back();
    house.roster.1.store(false, Ordering::SeqCst);
    let fresh = || async {
        let answer = house.reader.get("/npm/closed/left-pad").await;
        answer.status == 200 && !answer.headers.contains_key("x-proget-stale")
    };
    eventually("the answer is fresh", fresh).await;
    house.admin.get("/npm/open/nothing").await.expect(404);
    house.admin.upload("open", package("left-pad", "1.4.0")).await.expect(200);
    eventually("the server is ready", || async { house.ready("").await == 200 }).await;
    let document = house.admin.get("/npm/open/left-pad").await.expect(200);
    assert!(document.text().contains("1.4.0"), "{}", document.text());
}

#[tokio::test]
async fn with_anonymous_stale_reads_only_what_everybody_may_read_is_answered() {
    let house = House::new(StaleReaders::Anonymous, Duration::from_secs(60)).await;
    house.cut_off().await;
    for caller in [&house.admin, &Caller::at(&house.url, None)] {
        stale(caller.get("/npm/open/left-pad").await);
        caller.get("/npm/closed/left-pad").await.expect(503);
    }
}

#[tokio::test]
async fn without_stale_reads_and_beyond_the_bound_nothing_is_answered() {
    for (readers, bound) in
        [(StaleReaders::Nobody, Duration::from_secs(60)), (StaleReaders::Known, Duration::from_millis(1))]
    {
        let house = House::new(readers, bound).await;
        house.catalog.go_away();
        house.roster.1.store(true, Ordering::SeqCst);
        let said = || async {
            let answer = client().get(format!("{}/health/ready", house.url)).send().await.unwrap();
            answer.text().await.unwrap() == "the server cannot reach the database"
        };
        eventually("the server is late", said).await;
        house.admin.get("/npm/open/left-pad").await.expect(503);
        house.reader.get("/npm/closed/left-pad").await.expect(503);
        if readers == StaleReaders::Nobody {
            assert_eq!(house.ready("?stale-reads").await, 503);
        }
    }
}
