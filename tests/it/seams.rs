//! Seams whose implementations stand in several crates, each held against its suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::anyhow;
use futures::FutureExt as _;
use proget_core::access::{Rights, Secret};
use proget_core::catalog::{KeyKind, NewKey, NewUser};
use proget_core::conformance::{self, Callers};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Runtime};
use proget_core::{Catalog, PackageStore, Principal, Problem, Registry, SystemClock};
use proget_server::TokioRuntime;
use proget_server::accounts::{BuiltInAccounts, KeyText, hash_password};
use proget_storage::sql::{SqlCatalog, SqlOptions};
use proget_tests::{Outcome, Postgres};

#[tokio::test]
async fn tokio_keeps_every_promise_of_a_runtime() {
    conformance::runtime(|| async { Arc::new(TokioRuntime) as Arc<dyn Runtime> }).await;
}

/// One node: a registry of its own over a catalogue that others may share.
fn node(catalog: Arc<dyn Catalog>) -> Arc<Registry> {
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
    let (store, staging) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()));
    let packages = PackageStore::new(store, staging, Default::default());
    let fresh = FreshCatalog::new(catalog, Arc::clone(&runtime));
    Arc::new(Registry::new(fresh, packages, Vec::new(), runtime))
}

fn told(problem: Problem) -> anyhow::Error {
    anyhow!("{problem:?}")
}

/// A user and a key, asked for at `here`, revoked at `there`.
async fn callers(here: Arc<Registry>, there: Arc<Registry>) -> Outcome<Callers> {
    let system = Principal::system();
    let password = Secret::new("correct horse");
    let hash = hash_password(&password).await?;
    let user = NewUser { name: "Anna".into(), password: Some(hash), rights: Rights::default() };
    here.create_user(&system, user).await.map_err(told)?;
    let text = KeyText::random()?;
    let key = NewKey {
        kind: KeyKind::System,
        hash: text.hash(),
        hint: text.hint(),
        display_name: "ci".into(),
        description: String::new(),
        rights: Rights::full_control(),
        user: None,
        expires: None,
    };
    let id = here.create_key(&system, key).await.map_err(told)?.id;
    let revoke = move || {
        let there = Arc::clone(&there);
        let revoked = async move { there.revoke_key(&Principal::system(), id).await };
        revoked.map(|outcome| assert!(outcome.is_ok(), "the key can be revoked: {outcome:?}")).boxed()
    };
    Ok(Callers {
        authenticator: Arc::new(BuiltInAccounts::new(here, Arc::new(SystemClock))?),
        user: Some(("Anna".into(), password)),
        key: Some((Secret::new(text.reveal()), "ci".into())),
        revoke: Some(Arc::new(revoke)),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_accounts_keep_every_promise_between_two_nodes_in_memory() {
    conformance::authenticator(|| async {
        let shared: Arc<dyn Catalog> = Arc::new(MemoryCatalog::default());
        callers(node(Arc::clone(&shared)), node(shared)).await.expect("two nodes")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_accounts_keep_every_promise_between_two_nodes_on_postgres() {
    conformance::authenticator(|| async {
        let database = Postgres::fresh_database().await.expect("a database");
        let open = || SqlCatalog::open(&database.url, SqlOptions::default());
        let (one, other) = (open().await.expect("one node"), open().await.expect("another node"));
        callers(node(Arc::new(one)), node(Arc::new(other))).await.expect("two nodes")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_accounts_keep_every_promise_alone_with_their_database() -> Outcome {
    let (folder, number) = (tempfile::tempdir()?, AtomicU64::new(0));
    conformance::authenticator(|| async {
        let name = number.fetch_add(1, Ordering::SeqCst);
        let url = format!("sqlite://{}/{name}.db", folder.path().display());
        let catalog = SqlCatalog::open(&url, SqlOptions::default()).await.expect("a catalogue");
        assert!(catalog.is_exclusive(), "this is about the process that asks its database nothing");
        // One process has one node; the revocation comes through it too.
        let node = node(Arc::new(catalog));
        callers(Arc::clone(&node), node).await.expect("one node")
    })
    .await;
    Ok(())
}
