//! Reading role: the instance, its fences, and which database this really is.
//!
//! The identity changes when the database is another one: cloned, restored into another server, or
//! promoted from a replica. A sweep that finds another identity than it remembers stops deleting
//! until an operator has looked.
//!
//! - PostgreSQL: the cluster's system identifier, the timeline (each promotion begins one) and the
//!   database's own number. Ordinary roles may read all three.
//! - MariaDB: the server's id (`server_uid`; MySQL: `server_uuid`) and the database's name. There is
//!   no trace of a promotion inside one server, so the witness alone guards against a restored one.
//! - SQLite: the random identity in the lock file beside the database.

use super::super::commit::mode_number;
use super::super::dialect::Dialect;
use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::super::{SqlCatalog, steady};
use async_trait::async_trait;
use proget_core::catalog::{CatalogError, Durability, FenceRow, Instance, InstanceRow, Role, SettingRow};
use proget_core::clock::Timestamp;
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::{Incarnation, Stamp};

#[async_trait]
impl Instance for SqlCatalog {
    async fn instance(&self) -> Result<InstanceRow, CatalogError> {
        steady!(self, "reading about the instance", async {
            let session = self.pools().reads();
            let identity = self.identity(&session).await?;
            let sql = "SELECT i.installation, i.witness, i.deletes_stopped, i.known_identity, c.mode, \
                       c.service_node, c.revision, {now} \
                       FROM instance i JOIN cluster_mode c ON c.id = i.id WHERE i.id = 1";
            let row = session.one(sql, values![]).await?;
            let row = row.ok_or_else(|| Fault::Damaged("the instance's row is missing".into()))?;
            let mut columns = Columns::of(&row, session.dialect);
            Ok(InstanceRow {
                installation: columns.uuid()?,
                witness: columns.maybe_uuid()?,
                deletes_stopped: columns.maybe_text()?,
                known_identity: columns.maybe_text()?,
                identity,
                mode: mode(columns.int()?)?,
                service_node: columns.maybe_text()?.map(node).transpose()?,
                revision: Stamp(columns.uuid()?),
                now: Timestamp(columns.int()?),
            })
        })
    }

    async fn fence(&self, role: Role) -> Result<Option<FenceRow>, CatalogError> {
        steady!(self, "reading a fence", async {
            let session = self.pools().reads();
            let sql = "SELECT term, holder FROM fences WHERE role = ?";
            let Some(row) = session.one(sql, values![role.0]).await? else { return Ok(None) };
            let mut columns = Columns::of(&row, session.dialect);
            Ok(Some(FenceRow { term: columns.int()?, holder: Incarnation(columns.uuid()?) }))
        })
    }

    async fn settings(&self) -> Result<Vec<SettingRow>, CatalogError> {
        steady!(self, "reading settings", async {
            let session = self.pools().reads();
            let rows = session.all("SELECT name, value FROM settings ORDER BY name", values![]).await?;
            let setting = |row| {
                let mut columns = Columns::of(row, session.dialect);
                Ok(SettingRow { name: columns.text()?, value: columns.text()? })
            };
            rows.iter().map(setting).collect::<Result<_, Fault>>()
        })
    }

    async fn revision(&self) -> Result<Stamp, CatalogError> {
        steady!(self, "asking whether settings have changed", async {
            let session = self.pools().reads();
            let row = session.one("SELECT revision FROM cluster_mode WHERE id = 1", values![]).await?;
            let row = row.ok_or_else(|| Fault::Damaged("the row about the cluster is missing".into()))?;
            Ok(Stamp(Columns::of(&row, session.dialect).uuid()?))
        })
    }

    async fn durability(&self) -> Result<Durability, CatalogError> {
        steady!(self, "asking how commits are kept", async {
            let session = self.pools().reads();
            let (volatile, replicated) = match session.dialect {
                // Set for each connection when it is made.
                Dialect::Sqlite => return Ok(Durability::OneDisk),
                Dialect::Postgres => (
                    "SELECT 1 WHERE current_setting('fsync') = 'off' OR current_setting('synchronous_commit') = 'off'",
                    "SELECT 1 WHERE current_setting('synchronous_standby_names') <> '' \
                     AND current_setting('synchronous_commit') <> 'local'",
                ),
                Dialect::MySql => (
                    "SHOW GLOBAL VARIABLES WHERE variable_name = 'innodb_flush_log_at_trx_commit' AND value <> '1'",
                    "SHOW GLOBAL STATUS WHERE variable_name IN \
                     ('Rpl_semi_sync_master_status', 'Rpl_semi_sync_source_status', 'wsrep_ready') AND value = 'ON'",
                ),
            };
            if session.any(volatile, values![]).await? {
                return Ok(Durability::Memory);
            }
            let several = session.any(replicated, values![]).await?;
            Ok(if several { Durability::Replicated } else { Durability::OneDisk })
        })
    }
}

fn mode(number: i64) -> Result<ClusterMode, Fault> {
    let mode = ClusterMode::ALL.into_iter().find(|mode| mode_number(*mode) == number);
    mode.ok_or_else(|| Fault::Damaged("the mode is none that this build knows".into()))
}

fn node(name: String) -> Result<NodeName, Fault> {
    NodeName::new(name).map_err(|refusal| Fault::Damaged(refusal.to_string()))
}

impl SqlCatalog {
    async fn identity(&self, session: &Session) -> Result<String, Fault> {
        match (self.dialect(), &self.owner) {
            (Dialect::Sqlite, Some(owner)) => Ok(format!("sqlite {}", owner.identity.simple())),
            (Dialect::Sqlite, None) => Err(Fault::Damaged("the database is open without its lock".into())),
            (Dialect::Postgres, _) => {
                let sql = "SELECT 'postgresql ' || s.system_identifier || ' timeline ' || \
                           substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || ' database ' || d.oid \
                           FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";
                text(session, sql).await
            }
            (Dialect::MySql, _) => {
                // Not from a table: MariaDB and MySQL keep theirs in different schemas.
                let sql = "SHOW GLOBAL VARIABLES WHERE variable_name IN ('server_uid', 'server_uuid')";
                let mut identity = "mariadb".to_owned();
                for row in session.all(sql, values![]).await? {
                    let mut columns = Columns::of(&row, session.dialect);
                    let (_, value) = (columns.text()?, columns.text()?);
                    identity = format!("{identity} {value}");
                }
                Ok(format!("{identity} database {}", text(session, "SELECT DATABASE()").await?))
            }
        }
    }
}

async fn text(session: &Session, sql: &str) -> Result<String, Fault> {
    let row = session.one(sql, values![]).await?;
    let row = row.ok_or_else(|| Fault::Damaged("the database says nothing of its identity".into()))?;
    Columns::of(&row, session.dialect).text()
}
