//! Users and API keys: what may be made of them, whoever verifies them.
//!
//! Passwords arrive here as Argon2id hashes and keys as SHA-256 hashes: making and verifying them is the authenticator's.

use super::Registry;
use crate::access::{Permission, Principal, Subject};
use crate::catalog::{AccountChange, Action, JournalEntry, KeyKind, KeyRow, NewKey, NewUser, UserRow};
use crate::ids::{KeyId, UserId};
use crate::problem::Problem;
use std::sync::Arc;

impl Registry {
    /// Creates a key. Whoever may administer may create any; a user may create a personal key of their own.
    ///
    /// # Errors
    /// `Forbidden`, `AlreadyExists` if a key with that text exists, `Busy`.
    pub async fn create_key(&self, caller: &Principal, key: NewKey) -> Result<KeyRow, Problem> {
        let own = key.kind == KeyKind::Personal && key.user.is_some() && key.user == user_of(caller);
        if !own {
            self.demand(caller, Permission::Administer)?;
        }
        let hash = key.hash;
        let subject = format!("{} ({}…)", key.display_name, key.hint);
        let entry = JournalEntry { action: Action::KeyCreated, feed: None, subject };
        let changes = self.for_caller(caller).with(AccountChange::CreateKey(key)).record(entry);
        self.fresh.commit(changes).await?;
        let made = self.fresh.read().key(&hash).await?;
        made.ok_or_else(|| Problem::Changed("the key was revoked meanwhile".into()))
    }

    /// Revokes a key; the very next request with it is refused, on every node. A user may revoke personal keys of their own.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Busy`.
    pub async fn revoke_key(&self, caller: &Principal, id: KeyId) -> Result<(), Problem> {
        let keys = self.fresh.read().keys().await?;
        let key = keys.into_iter().find(|key| key.id == id);
        let own = key.as_ref().is_some_and(|key| key.user.is_some() && key.user == user_of(caller));
        if !own {
            self.demand(caller, Permission::Administer)?;
        }
        let key = key.ok_or_else(|| Problem::NotFound(format!("there is no API key {id}")))?;
        let subject = format!("{} ({}…)", key.display_name, key.hint);
        let entry = JournalEntry { action: Action::KeyRevoked, feed: None, subject };
        self.fresh.commit(self.for_caller(caller).with(AccountChange::RevokeKey(id)).record(entry)).await?;
        Ok(())
    }

    /// All keys, or for who may not administer their own personal ones.
    ///
    /// # Errors
    /// `Unauthenticated`, `Busy`.
    pub async fn keys(&self, caller: &Principal) -> Result<Vec<KeyRow>, Problem> {
        let own = user_of(caller);
        if own.is_none() {
            self.demand(caller, Permission::Administer)?;
        }
        let mut keys = self.fresh.read().keys().await?;
        if !caller.may(Permission::Administer) {
            keys.retain(|key| key.user.is_some() && key.user == own);
        }
        Ok(keys)
    }

    /// Creates a user.
    ///
    /// # Errors
    /// `Forbidden`, `AlreadyExists`, `Busy`.
    pub async fn create_user(&self, caller: &Principal, user: NewUser) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let subject = format!("user {}", user.name);
        let entry = JournalEntry { action: Action::UserCreated, feed: None, subject };
        self.fresh
            .commit(self.for_caller(caller).with(AccountChange::CreateUser(user)).record(entry))
            .await?;
        Ok(())
    }

    /// Creates the first administrator, with a first key if one is given, unless there is any
    /// user; says whether it did. Two processes that start at once create one.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn create_first_user(&self, user: NewUser, key: Option<NewKey>) -> Result<bool, Problem> {
        let subject = format!("user {}", user.name);
        let entry = JournalEntry { action: Action::UserCreated, feed: None, subject };
        let caller = Principal::system();
        let mut changes = self.for_caller(&caller).with(AccountChange::CreateFirstUser(user)).record(entry);
        if let Some(key) = key {
            changes = changes.with(AccountChange::CreateKey(key));
        }
        match self.fresh.commit(changes).await.map_err(Problem::from) {
            Ok(_) => Ok(true),
            Err(Problem::AlreadyExists(_)) => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    /// Replaces a user's password hash. Whoever may administer may do so for all, a user for themselves.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Busy`.
    pub async fn set_password(
        &self,
        caller: &Principal,
        user: &UserRow,
        hash: Option<String>,
    ) -> Result<(), Problem> {
        if user_of(caller) != Some(user.id) {
            self.demand(caller, Permission::Administer)?;
        }
        let entry =
            JournalEntry { action: Action::UserChanged, feed: None, subject: format!("user {}", user.name) };
        let change = AccountChange::SetPassword(user.id, hash);
        self.fresh.commit(self.for_caller(caller).with(change).record(entry)).await?;
        Ok(())
    }

    /// The caller as it is now: with the rights and revisions of this moment.
    pub(super) async fn known_again(&self, caller: &Principal) -> Result<Principal, Problem> {
        let gone = || Problem::Unauthenticated("the credentials are no longer valid".into());
        let read = self.fresh.read();
        let mut again = caller.clone();
        match caller.subject {
            Subject::Anonymous | Subject::Trusted => {}
            Subject::User(id, _) => {
                let user = read.user_by_id(id).await?.ok_or_else(gone)?;
                again.subject = Subject::User(id, user.revision);
                again.rights = Arc::new(user.rights);
            }
            Subject::Key(id, _) => {
                let key = read.keys().await?.into_iter().find(|key| key.id == id).ok_or_else(gone)?;
                again.subject = Subject::Key(id, key.revision);
                again.rights = Arc::new(key.rights);
            }
            Subject::Personal(key_id, _, user_id, _) => {
                let key = read.keys().await?.into_iter().find(|key| key.id == key_id).ok_or_else(gone)?;
                let user = read.user_by_id(user_id).await?.ok_or_else(gone)?;
                again.subject = Subject::Personal(key_id, key.revision, user_id, user.revision);
                again.rights = Arc::new(user.rights);
            }
        }
        Ok(again)
    }
}

/// The user behind a caller, if there is one.
fn user_of(caller: &Principal) -> Option<UserId> {
    match caller.subject {
        Subject::User(user, _) | Subject::Personal(_, _, user, _) => Some(user),
        Subject::Anonymous | Subject::Key(..) | Subject::Trusted => None,
    }
}
