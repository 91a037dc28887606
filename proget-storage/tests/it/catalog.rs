//! The suite of the catalogue on SQLite. The same suite on PostgreSQL and MariaDB, and what only
//! SQL can get wrong, is in the package `proget-tests`, which brings the servers.

use proget_core::catalog::Catalog;
use proget_core::conformance::{self, Tasks};
use proget_storage::{SqlCatalog, SqlOptions};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_catalogue_keeps_every_promise_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = || async {
        let file = uuid::Uuid::new_v4().simple().to_string();
        let address = format!("sqlite://{}/{file}.db", folder.path().display());
        let catalog: Arc<dyn Catalog> =
            Arc::new(SqlCatalog::open(&address, SqlOptions::default()).await.unwrap());
        catalog
    };
    conformance::catalog(fresh, Tasks::spawned(|task| drop(tokio::spawn(task)))).await;
}
