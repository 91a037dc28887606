//! Changes to users and keys.

use super::super::{KeyHash, KeyKind};
use crate::access::Rights;
use crate::clock::Timestamp;
use crate::ids::{KeyId, UserId};

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name; `NameTaken` if it is, compared in lower case (Unicode's, as `str::to_lowercase` has it).
    pub name: String,
    /// The Argon2id hash of the password.
    pub password: Option<String>,
    /// What the user may do.
    pub rights: Rights,
}

/// A key to be created.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its kind.
    pub kind: KeyKind,
    /// What its text hashes to; `NameTaken` if another key's does.
    pub hash: KeyHash,
    /// Its first few characters.
    pub hint: String,
    /// For people.
    pub display_name: String,
    /// For people.
    pub description: String,
    /// What it may do.
    pub rights: Rights,
    /// Whose personal key it is; `Absent` if there is no such user.
    pub user: Option<UserId>,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
}

/// A change to users and keys. Each writes a new revision.
#[derive(Debug, Clone)]
pub enum AccountChange {
    /// Creates a user.
    CreateUser(NewUser),
    /// Creates a user if there is none at all; otherwise the whole set fails with `NameTaken`.
    /// Locks the instance row, so that two starting processes do not both create an administrator.
    CreateFirstUser(NewUser),
    /// Replaces a user's password hash; `Absent`.
    SetPassword(UserId, Option<String>),
    /// Replaces what a user may do; `Absent`.
    SetUserRights(UserId, Rights),
    /// Deletes a user with the user's personal keys; `Absent`.
    DeleteUser(UserId),
    /// Creates a key.
    CreateKey(NewKey),
    /// Deletes a key; the very next request with it is refused, on every node. `Absent`.
    RevokeKey(KeyId),
}
