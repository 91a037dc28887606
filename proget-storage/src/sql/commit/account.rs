//! Changes to users and keys.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use proget_core::access::Rights;
use proget_core::catalog::{AccountChange, Conflict, KeyKind, NewKey, NewUser};
use proget_core::ids::Stamp;
use sea_orm::Value;

pub(super) async fn change(session: &Session, change: &AccountChange) -> Result<(), Fault> {
    match change {
        AccountChange::CreateUser(user) => create_user(session, user).await,
        AccountChange::CreateFirstUser(user) => {
            // The lock keeps a second starting process waiting until it can see the first one's user.
            session.any("SELECT 1 FROM instance WHERE id = 1 {lock}", values![]).await?;
            if session.any("SELECT 1 FROM users LIMIT 1", values![]).await? {
                return Err(Conflict::NameTaken.into());
            }
            create_user(session, user).await
        }
        AccountChange::SetPassword(id, password) => {
            let sql = "UPDATE users SET password = ?, revision = ? WHERE id = ?";
            hit(session, sql, values![password.clone(), Stamp::random().0, id.0]).await
        }
        AccountChange::SetUserRights(id, rights) => {
            let sql = "UPDATE users SET rights = ?, revision = ? WHERE id = ?";
            hit(session, sql, values![written(rights)?, Stamp::random().0, id.0]).await
        }
        // Personal keys go with their user by a foreign key.
        AccountChange::DeleteUser(id) => hit(session, "DELETE FROM users WHERE id = ?", values![id.0]).await,
        AccountChange::CreateKey(key) => create_key(session, key).await,
        AccountChange::RevokeKey(id) => {
            hit(session, "DELETE FROM api_keys WHERE id = ?", values![id.0]).await
        }
    }
}

async fn hit(session: &Session, sql: &str, values: Vec<Value>) -> Result<(), Fault> {
    match session.exec(sql, values).await? {
        0 => Err(Conflict::Absent.into()),
        _ => Ok(()),
    }
}

async fn create_user(session: &Session, user: &NewUser) -> Result<(), Fault> {
    let sql = "INSERT INTO users (name, name_key, password, rights, created, revision) \
               VALUES (?, ?, ?, ?, {now}, ?)";
    let values = values![
        user.name.as_str(),
        user.name.to_lowercase(),
        user.password.clone(),
        written(&user.rights)?,
        Stamp::random().0,
    ];
    let created = session.exec(sql, values).await.map_err(Fault::from);
    created.map(drop).map_err(|fault| fault.if_taken(Conflict::NameTaken))
}

async fn create_key(session: &Session, key: &NewKey) -> Result<(), Fault> {
    let kind: i64 = match key.kind {
        KeyKind::System => 0,
        KeyKind::Feed => 1,
        KeyKind::Personal => 2,
    };
    let sql = "INSERT INTO api_keys (hash, kind, user_id, hint, display_name, description, rights, \
               expires, created, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, {now}, ?)";
    let values = values![
        key.hash.0.0.to_vec(),
        kind,
        key.user.map(|user| user.0),
        key.hint.as_str(),
        key.display_name.as_str(),
        key.description.as_str(),
        written(&key.rights)?,
        key.expires.map(|expires| expires.0),
        Stamp::random().0,
    ];
    let created = session.exec(sql, values).await.map_err(Fault::from);
    created.map(drop).map_err(|fault| fault.if_taken(Conflict::NameTaken).if_referred(Conflict::Absent))
}

fn written(rights: &Rights) -> Result<String, Fault> {
    serde_json::to_string(rights).map_err(|error| Fault::Damaged(error.to_string()))
}
