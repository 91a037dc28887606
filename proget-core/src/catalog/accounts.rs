//! Reading role: users and API keys.

use super::CatalogError;
use crate::access::Rights;
use crate::clock::Timestamp;
use crate::digest::Sha256;
use crate::ids::{KeyId, Stamp, UserId};
use async_trait::async_trait;

/// What an API key's text hashes to: SHA-256, because the text is long and random, so that
/// verifying one costs microseconds. The text itself is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub Sha256);

impl KeyHash {
    /// The hash of a key's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::of(text.as_bytes()))
    }
}

/// What kind of key it is, in ProGet's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// For the instance as a whole.
    System,
    /// For one feed.
    Feed,
    /// Acts as its user, with that user's rights at the moment of each request.
    Personal,
}

/// An API key, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its row.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// What its text hashes to.
    pub hash: KeyHash,
    /// Its first few characters, so that people can tell keys apart.
    pub hint: String,
    /// For people; also who a publish is recorded as.
    pub display_name: String,
    /// For people.
    pub description: String,
    /// What it may do; for a personal key empty, as its user's rights count.
    pub rights: Rights,
    /// Whose personal key it is.
    pub user: Option<UserId>,
    /// Until when it is good, by the wall clock (this is a convenience for people, not a lease).
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// Changes with every change to it.
    pub revision: Stamp,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Its row.
    pub id: UserId,
    /// Its name as written; compared in lower case.
    pub name: String,
    /// Its password's Argon2id hash in PHC form, or none: no password opens the account then.
    pub password: Option<String>,
    /// What it may do.
    pub rights: Rights,
    /// When it was made.
    pub created: Timestamp,
    /// Changes with every change to it.
    pub revision: Stamp,
}

/// Who exists.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The user of that name, compared in lower case.
    async fn user(&self, name: &str) -> Result<Option<UserRow>, CatalogError>;

    /// The user with that row.
    async fn user_by_id(&self, id: UserId) -> Result<Option<UserRow>, CatalogError>;

    /// All users by name.
    async fn users(&self) -> Result<Vec<UserRow>, CatalogError>;

    /// The key whose text hashes to this.
    async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRow>, CatalogError>;

    /// All keys by row.
    async fn keys(&self) -> Result<Vec<KeyRow>, CatalogError>;
}
