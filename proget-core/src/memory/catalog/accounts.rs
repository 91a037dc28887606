//! Users and API keys.

use super::MemoryCatalog;
use super::state::{Moment, State};
use crate::catalog::{
    AccountChange, Accounts, CatalogError, Conflict, KeyHash, KeyRow, NewKey, NewUser, UserRow,
};
use crate::ids::{KeyId, Stamp, UserId};
use async_trait::async_trait;

impl State {
    pub(super) fn change_account(&mut self, change: AccountChange, moment: &Moment) -> Result<(), Conflict> {
        match change {
            AccountChange::CreateUser(new) => self.create_user(new, moment),
            AccountChange::CreateFirstUser(_) if !self.users.is_empty() => Err(Conflict::NameTaken),
            AccountChange::CreateFirstUser(new) => self.create_user(new, moment),
            AccountChange::SetPassword(id, password) => {
                self.user_mut(id)?.password = password;
                Ok(())
            }
            AccountChange::SetUserRights(id, rights) => {
                self.user_mut(id)?.rights = rights;
                Ok(())
            }
            AccountChange::DeleteUser(id) => {
                self.users.remove(&id).ok_or(Conflict::Absent)?;
                self.keys.retain(|_, key| key.user != Some(id));
                Ok(())
            }
            AccountChange::CreateKey(new) => self.create_key(new, moment),
            AccountChange::RevokeKey(id) => self.keys.remove(&id).map(drop).ok_or(Conflict::Absent),
        }
    }

    fn create_user(&mut self, new: NewUser, moment: &Moment) -> Result<(), Conflict> {
        if self.user_called(&new.name).is_some() {
            return Err(Conflict::NameTaken);
        }
        let id = UserId(self.next_id());
        let NewUser { name, password, rights } = new;
        let revision = Stamp::random();
        self.users.insert(id, UserRow { id, name, password, rights, created: moment.at, revision });
        Ok(())
    }

    fn create_key(&mut self, new: NewKey, moment: &Moment) -> Result<(), Conflict> {
        if self.key_with(&new.hash).is_some() {
            return Err(Conflict::NameTaken);
        }
        if new.user.is_some_and(|user| !self.users.contains_key(&user)) {
            return Err(Conflict::Absent);
        }
        let id = KeyId(self.next_id());
        let row = KeyRow {
            id,
            kind: new.kind,
            hash: new.hash,
            hint: new.hint,
            display_name: new.display_name,
            description: new.description,
            rights: new.rights,
            user: new.user,
            expires: new.expires,
            created: moment.at,
            revision: Stamp::random(),
        };
        self.keys.insert(id, row);
        Ok(())
    }

    /// A user about to be changed, with a new revision already.
    fn user_mut(&mut self, id: UserId) -> Result<&mut UserRow, Conflict> {
        let user = self.users.get_mut(&id).ok_or(Conflict::Absent)?;
        user.revision = Stamp::random();
        Ok(user)
    }

    pub(super) fn user_called(&self, name: &str) -> Option<&UserRow> {
        let key = name.to_lowercase();
        self.users.values().find(|user| user.name.to_lowercase() == key)
    }

    pub(super) fn key_with(&self, hash: &KeyHash) -> Option<&KeyRow> {
        self.keys.values().find(|key| key.hash == *hash)
    }
}

#[async_trait]
impl Accounts for MemoryCatalog {
    async fn user(&self, name: &str) -> Result<Option<UserRow>, CatalogError> {
        Ok(self.state().user_called(name).cloned())
    }

    async fn user_by_id(&self, id: UserId) -> Result<Option<UserRow>, CatalogError> {
        Ok(self.state().users.get(&id).cloned())
    }

    async fn users(&self) -> Result<Vec<UserRow>, CatalogError> {
        let mut users: Vec<UserRow> = self.state().users.values().cloned().collect();
        users.sort_by_key(|user| user.name.to_lowercase());
        Ok(users)
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRow>, CatalogError> {
        Ok(self.state().key_with(hash).cloned())
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, CatalogError> {
        Ok(self.state().keys.values().cloned().collect())
    }
}
