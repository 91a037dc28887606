//! Tests of orders and of their way through the socket, on memory parts.

use super::*;
use crate::cluster::ClusterParts;
use async_trait::async_trait;
use futures::future::BoxFuture;
use proget_cluster::node::Cluster;
use proget_core::Registry;
use proget_core::blob::{IntakeLimits, PackageStore};
use proget_core::cluster::NodeName;
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Runtime, Work};
use proget_storage::TokioRuntime;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

fn cluster_on(runtime: Arc<dyn Runtime>) -> Arc<Cluster> {
    let catalog = Arc::new(MemoryCatalog::new(Arc::new(proget_core::SystemClock)));
    let limits = IntakeLimits::default();
    let packages = PackageStore::new(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()), limits);
    let formats = crate::builder::compiled_in().iter().map(|protocol| protocol.format()).collect();
    let registry = Registry::new(FreshCatalog::new(catalog, runtime.clone()), packages, formats, runtime);
    Arc::new(ClusterParts::alone(NodeName::standard()).cluster(Arc::new(registry), Default::default()))
}

fn cluster() -> Arc<Cluster> {
    cluster_on(Arc::new(TokioRuntime))
}

fn key_wish(scope: KeyScope) -> Order {
    Order::CreateKey(KeyWish {
        name: "ci".into(),
        description: String::new(),
        scope,
        lasts_ms: Some(86_400_000),
    })
}

async fn send(folder: &std::path::Path, order: &Order) -> Result<Outcome, Failure> {
    let channel = Channel::to(folder).await?.expect("a server answers");
    timeout(SOON, channel.send(order, |_| {})).await.expect("an answer comes")
}

#[cfg(feature = "npm")]
#[tokio::test]
async fn orders_through_the_socket_do_what_orders_in_the_process_do() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = cluster();
    let _socket = ControlSocket::open(folder.path(), cluster.clone()).await.unwrap();
    let wish = FeedWish {
        name: "internal".into(),
        format: "npm".into(),
        description: "for us".into(),
        readers: Readers::Known,
    };
    let made = send(folder.path(), &Order::CreateFeed(wish.clone())).await.unwrap();
    let listed = execute(&Order::ListFeeds, &cluster, |_| {}).await.unwrap();
    assert_eq!(made, listed);

    let again = send(folder.path(), &Order::CreateFeed(wish)).await.unwrap_err();
    assert_eq!(again.0, "there is a feed named internal already");

    let scope = KeyScope::Feed("internal".into(), vec!["view".into(), "delete".into()]);
    let Outcome::Key(line, text) = send(folder.path(), &key_wish(scope)).await.unwrap() else { panic!() };
    assert_eq!((line.may.as_str(), line.kind.as_str()), ("view, delete in internal", "feed"));
    assert!(line.expires.is_some() && text.0.starts_with(line.hint.trim_end_matches('…')));
    let Outcome::Keys(keys) = execute(&Order::ListKeys, &cluster, |_| {}).await.unwrap() else { panic!() };
    assert_eq!(keys, std::slice::from_ref(&line));

    send(folder.path(), &Order::RevokeKey { id: line.id }).await.unwrap();
    let hash = proget_core::catalog::KeyHash::of(&text.0);
    assert!(cluster.registry.fresh().key(&hash).await.unwrap().is_none(), "the key still works");
    assert!(
        send(folder.path(), &Order::RevokeKey { id: line.id }).await.is_err(),
        "there is nothing to revoke"
    );

    let gone = Order::DeleteFeed { name: "internal".into(), content: Content::MustBeEmpty };
    send(folder.path(), &gone).await.unwrap();
    assert_eq!(send(folder.path(), &Order::ListFeeds).await.unwrap(), Outcome::Feeds(Vec::new()));
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_a_sentence() {
    let cluster = cluster();
    let orders = [
        (Order::ResetPassword { user: "nobody".into() }, "there is no user nobody"),
        (key_wish(KeyScope::AllFeeds(vec!["fly".into()])), "there is no permission 'fly'"),
        (key_wish(KeyScope::Feed("absent".into(), vec!["view".into()])), "Feed absent not found."),
        (Order::DeleteFeed { name: "absent".into(), content: Content::DeleteToo }, "Feed absent not found."),
    ];
    for (order, sentence) in orders {
        let failure = execute(&order, &cluster, |_| {}).await.unwrap_err();
        assert!(failure.0.contains(sentence), "{order:?}: {failure}");
    }
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proget.sock");
    let socket = ControlSocket::open(folder.path(), cluster()).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let second = ControlSocket::open(folder.path(), cluster()).await;
    assert!(matches!(second, Err(ControlError::Taken(_))), "{second:?}");
    assert!(send(folder.path(), &Order::ListFeeds).await.is_ok(), "the first was disturbed by the second");
    drop(socket);
    assert!(!path.exists());
    assert!(Channel::to(folder.path()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_left_behind_by_a_killed_server_is_replaced_and_a_long_path_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(100)).join("y".repeat(100));
    std::fs::create_dir_all(&deep).unwrap();
    // Bound and closed without being removed, as after SIGKILL.
    let short = place::short(&deep.join("proget.sock")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(short.path()).unwrap());
    assert!(deep.join("proget.sock").exists());
    assert!(Channel::to(&deep).await.unwrap().is_none());
    let _socket = ControlSocket::open(&deep, cluster()).await.unwrap();
    assert_eq!(send(&deep, &Order::ListKeys).await.unwrap(), Outcome::Keys(Vec::new()));
}

#[tokio::test]
async fn what_is_no_order_is_answered_and_not_carried_out() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let _socket = ControlSocket::open(folder.path(), cluster()).await.unwrap();
    for nonsense in ["{\"fly\":{}}\n".to_owned(), "x".repeat(100_000)] {
        let mut stream = tokio::net::UnixStream::connect(folder.path().join("proget.sock")).await.unwrap();
        // The server may answer and close before all of it is sent.
        let _ = stream.write_all(nonsense.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap();
        if nonsense.len() < 100 {
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.contains("does not understand the order"), "{answer}");
        }
    }
    assert!(send(folder.path(), &Order::ListFeeds).await.is_ok(), "the server still takes orders");
}

/// A runtime in which sleep never ends, and which tells when somebody falls asleep and when the
/// sleeper is dropped.
#[derive(Debug)]
struct Dormitory {
    asleep: Mutex<Option<oneshot::Sender<oneshot::Receiver<()>>>>,
}

#[async_trait]
impl Runtime for Dormitory {
    async fn offload(&self, work: Work) -> bool {
        TokioRuntime.offload(work).await
    }

    async fn complete(&self, work: BoxFuture<'static, ()>) {
        TokioRuntime.complete(work).await;
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let (held, dropped) = oneshot::channel();
        if let Some(asleep) = self.asleep.lock().unwrap().take() {
            let _ = asleep.send(dropped);
        }
        Box::pin(async move {
            let _held = held;
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn an_order_ends_when_its_sender_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, asleep) = oneshot::channel();
    let cluster = cluster_on(Arc::new(Dormitory { asleep: Mutex::new(Some(tell)) }));
    let _socket = ControlSocket::open(folder.path(), cluster).await.unwrap();
    let path = folder.path().to_owned();
    let order = Order::Sweep { delete_delay_ms: None };
    let sender = tokio::spawn(async move { send(&path, &order).await });
    // A sweep waits before it looks at the witness again.
    let dropped = timeout(SOON, asleep).await.expect("the sweep begins to wait").unwrap();
    sender.abort();
    let outcome = timeout(SOON, dropped).await.expect("the sweep is dropped");
    assert!(outcome.is_err(), "its sleep ended although it never ends");
}

#[test]
fn no_outcome_shows_its_secret_in_a_log() {
    let told = Outcome::Password { user: "Admin".into(), password: Told("Geheim".into()) };
    assert!(!format!("{told:?}").contains("Geheim"));
    assert!(serde_json::to_string(&told).unwrap().contains("Geheim"), "but it travels");
}
