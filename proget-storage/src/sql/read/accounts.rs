//! Reading role: users and API keys.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::super::{SqlCatalog, steady};
use async_trait::async_trait;
use proget_core::catalog::{Accounts, CatalogError, KeyHash, KeyKind, KeyRow, UserRow};
use proget_core::clock::Timestamp;
use proget_core::digest::Sha256;
use proget_core::ids::{KeyId, Stamp, UserId};
use sea_orm::{QueryResult, Value};

const USER: &str = "SELECT id, name, password, rights, created, revision FROM users";
const KEY: &str = "SELECT id, kind, hash, hint, display_name, description, rights, user_id, expires, created, \
                   revision FROM api_keys";

#[async_trait]
impl Accounts for SqlCatalog {
    async fn user(&self, name: &str) -> Result<Option<UserRow>, CatalogError> {
        steady!(self, "looking a user up by name", async {
            let sql = format!("{USER} WHERE name_key = ?");
            one(&self.pools().reads(), &sql, values![name.to_lowercase()], user).await
        })
    }

    async fn user_by_id(&self, id: UserId) -> Result<Option<UserRow>, CatalogError> {
        steady!(self, "looking a user up", async {
            one(&self.pools().reads(), &format!("{USER} WHERE id = ?"), values![id.0], user).await
        })
    }

    async fn users(&self) -> Result<Vec<UserRow>, CatalogError> {
        steady!(self, "listing users", async {
            all(&self.pools().reads(), &format!("{USER} ORDER BY name_key"), user).await
        })
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRow>, CatalogError> {
        steady!(self, "looking an API key up", async {
            one(&self.pools().reads(), &format!("{KEY} WHERE hash = ?"), values![hash.0.0.to_vec()], key)
                .await
        })
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, CatalogError> {
        steady!(self, "listing API keys", async {
            all(&self.pools().reads(), &format!("{KEY} ORDER BY id"), key).await
        })
    }
}

type Read<T> = fn(&QueryResult, &Session) -> Result<T, Fault>;

async fn one<T>(session: &Session, sql: &str, values: Vec<Value>, read: Read<T>) -> Result<Option<T>, Fault> {
    session.one(sql, values).await?.map(|row| read(&row, session)).transpose()
}

async fn all<T>(session: &Session, sql: &str, read: Read<T>) -> Result<Vec<T>, Fault> {
    session.all(sql, values![]).await?.iter().map(|row| read(row, session)).collect()
}

fn user(row: &QueryResult, session: &Session) -> Result<UserRow, Fault> {
    let mut columns = Columns::of(row, session.dialect);
    Ok(UserRow {
        id: UserId(columns.int()?),
        name: columns.text()?,
        password: columns.maybe_text()?,
        rights: columns.parsed(|text| serde_json::from_str(&text))?,
        created: Timestamp(columns.int()?),
        revision: Stamp(columns.uuid()?),
    })
}

fn key(row: &QueryResult, session: &Session) -> Result<KeyRow, Fault> {
    let mut columns = Columns::of(row, session.dialect);
    let id = KeyId(columns.int()?);
    let kind = match columns.int()? {
        0 => KeyKind::System,
        1 => KeyKind::Feed,
        2 => KeyKind::Personal,
        other => return Err(Fault::Damaged(format!("there is no kind {other} of API keys"))),
    };
    let hash =
        Sha256::try_from(columns.bytes()?.as_slice()).map_err(|error| Fault::Damaged(error.to_string()))?;
    Ok(KeyRow {
        id,
        kind,
        hash: KeyHash(hash),
        hint: columns.text()?,
        display_name: columns.text()?,
        description: columns.text()?,
        rights: columns.parsed(|text| serde_json::from_str(&text))?,
        user: columns.maybe_int()?.map(UserId),
        expires: columns.maybe_int()?.map(Timestamp),
        created: Timestamp(columns.int()?),
        revision: Stamp(columns.uuid()?),
    })
}
