//! Fences and the instance row.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use proget_core::catalog::{ChangeSet, Conflict, FenceChange, InstanceChange};
use proget_core::cluster::ClusterMode;
use proget_core::ids::Stamp;

/// How a mode is stored.
pub(in super::super) fn mode_number(mode: ClusterMode) -> i64 {
    match mode {
        ClusterMode::Single => 0,
        ClusterMode::LoadBalanced => 1,
        ClusterMode::HighAvailability => 2,
    }
}

/// The first statement of a fenced set. It writes: only a row lock that lasts to the commit keeps a
/// newer term from being planted between the look and the deed.
pub(super) async fn check_fence(session: &Session, set: &ChangeSet) -> Result<(), Fault> {
    let Some(fence) = set.fence else { return Ok(()) };
    let sql = "UPDATE fences SET used = used + 1 WHERE role = ? AND term = ? AND holder = ?";
    match session.exec(sql, values![fence.role.0, fence.term, fence.holder.0]).await? {
        0 => Err(Fault::Fenced),
        _ => Ok(()),
    }
}

/// Moves a term, upwards only.
pub(super) async fn plant(session: &Session, change: &FenceChange) -> Result<(), Fault> {
    let FenceChange::Plant { role, term, holder } = change;
    let sql = "UPDATE fences SET term = ?, holder = ? WHERE role = ? AND term < ?";
    if session.exec(sql, values![*term, holder.0, role.0, *term]).await? > 0 {
        return Ok(());
    }
    // Either the planted term is as high, or nothing was planted yet; the key decides.
    let sql = "INSERT INTO fences (role, term, holder, used) VALUES (?, ?, ?, 0)";
    let planted = session.exec(sql, values![role.0, *term, holder.0]).await.map_err(Fault::from);
    planted.map(drop).map_err(|fault| fault.if_taken(Conflict::TermTooLow))
}

pub(super) async fn change(session: &Session, change: &InstanceChange) -> Result<(), Fault> {
    match change {
        InstanceChange::Witness { previous, next, identity } => {
            let sql = "UPDATE instance SET witness = ?, known_identity = ? WHERE id = 1 AND {same witness}";
            match session.exec(sql, values![*next, identity.as_str(), *previous]).await? {
                0 => Err(Conflict::InstanceChanged.into()),
                _ => Ok(()),
            }
        }
        InstanceChange::StopDeletes(why) => {
            let sql = "UPDATE instance SET deletes_stopped = ? WHERE id = 1";
            Ok(session.exec(sql, values![why.as_str()]).await.map(drop)?)
        }
        InstanceChange::ConfirmDeletes => {
            let sql = "UPDATE instance SET deletes_stopped = NULL, known_identity = NULL WHERE id = 1";
            Ok(session.exec(sql, values![]).await.map(drop)?)
        }
        InstanceChange::Mode { from, mode, service_node } => {
            let sql = "UPDATE cluster_mode SET mode = ?, service_node = ?, revision = ? \
                       WHERE id = 1 AND revision = ?";
            let node = service_node.as_ref().map(|node| node.as_str().to_owned());
            match session.exec(sql, values![mode_number(*mode), node, Stamp::random().0, from.0]).await? {
                0 => Err(Conflict::InstanceChanged.into()),
                _ => Ok(()),
            }
        }
        InstanceChange::Settle(node) => {
            let sql = "UPDATE cluster_mode SET service_node = ?, revision = ? \
                       WHERE id = 1 AND service_node IS NULL";
            Ok(session.exec(sql, values![node.as_str(), Stamp::random().0]).await.map(drop)?)
        }
        InstanceChange::Set { name, value } => {
            // First, because its lock is what keeps settings as others expect them.
            let sql = "UPDATE cluster_mode SET revision = ? WHERE id = 1";
            session.exec(sql, values![Stamp::random().0]).await?;
            match value {
                Some(value) => {
                    let sql =
                        "INSERT INTO settings (name, value) VALUES (?, ?) {upsert name} value = {new value}";
                    session.exec(sql, values![name.as_str(), value.as_str()]).await?;
                }
                None => {
                    session.exec("DELETE FROM settings WHERE name = ?", values![name.as_str()]).await?;
                }
            }
            Ok(())
        }
    }
}
