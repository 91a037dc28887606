//! Ways of their own to a real database, as each process of a cluster has one, with the tables made.

use std::sync::Arc;
use std::time::Duration;

use proget_cluster::schema;
use proget_cluster::sql::{ClusterDatabase, Connect};
use proget_tests::Outcome;
use sea_orm::sqlx::mysql::MySqlPoolOptions;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::{SqlxMySqlConnector, SqlxPostgresConnector};

/// Longer than any call may take on a busy machine.
pub(super) const PATIENT: Duration = Duration::from_secs(20);

/// A way of its own to this database, whose calls are given up after `limit`. The sessions are as the
/// server makes them: no rule is set, so that what holds here holds with every isolation.
pub(super) fn way(url: &str, limit: Duration) -> Outcome<Arc<ClusterDatabase>> {
    let connect: Connect = if url.starts_with("postgres") {
        let options: sea_orm::sqlx::postgres::PgConnectOptions = url.parse()?;
        Arc::new(move || {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
        })
    } else {
        let options: sea_orm::sqlx::mysql::MySqlConnectOptions = url.parse()?;
        Arc::new(move || {
            let pool = MySqlPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
            SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
        })
    };
    Ok(Arc::new(ClusterDatabase::new(connect, limit)))
}

/// Several such ways; the tables are made.
pub(super) async fn ways(url: &str, count: usize) -> Outcome<Vec<Arc<ClusterDatabase>>> {
    let ways: Vec<Arc<ClusterDatabase>> = (0..count).map(|_| way(url, PATIENT)).collect::<Outcome<_>>()?;
    schema::create(&ways[0]).await?;
    Ok(ways)
}
