//! Users and keys from the catalogue, each asked for anew by every request: a revocation counts
//! for the very next one, on every node.

use super::{KeyText, Passwords};
use async_trait::async_trait;
use proget_core::access::{AuthError, Credentials, Secret, Subject};
use proget_core::catalog::{CatalogError, KeyHash, KeyKind, KeyRow, NewKey, UserRow};
use proget_core::ids::{KeyId, UserId};
use proget_core::{Authenticator, Clock, Principal, Problem, Registry};
use proget_feeds::http::{SignIn, SignedIn};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// So many users' names, and as many callers with keys, are remembered by their rows.
const REMEMBERED: usize = 10_000;

/// Users and keys of the catalogue.
///
/// Keys are found by the SHA-256 of their text, which takes microseconds; passwords are verified
/// with Argon2id. A personal key acts with what its user may do at this moment.
#[derive(Debug)]
pub struct BuiltInAccounts {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    /// A user's name never changes, and users are remembered by their names.
    names: Cache<UserId, Arc<str>>,
    /// What a key's row says, as a caller; good for as long as the row has the same revision.
    callers: Cache<KeyId, Principal>,
}

impl BuiltInAccounts {
    /// The accounts of a registry's catalogue.
    ///
    /// # Errors
    /// If the operating system has no random numbers to give.
    pub fn new(registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Result<Self, getrandom::Error> {
        let (names, callers) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Ok(Self { registry, clock, passwords: Passwords::new()?, names, callers })
    }

    async fn by_key(&self, text: &Secret) -> Result<Principal, AuthError> {
        let found = self.registry.fresh().key(&KeyHash::of(text.reveal())).await.map_err(unavailable)?;
        let key = found.ok_or(AuthError::Invalid)?;
        if key.expires.is_some_and(|expires| expires <= self.clock.now()) {
            return Err(AuthError::Expired);
        }
        let Some(user) = key.user else { return Ok(self.of_key(&key)) };
        let user = self.user_by_id(user).await?.ok_or(AuthError::Invalid)?;
        Ok(Principal {
            subject: Subject::Personal(key.id, key.revision, user.id, user.revision),
            ..of_user(&user)
        })
    }

    fn of_key(&self, key: &KeyRow) -> Principal {
        let subject = Subject::Key(key.id, key.revision);
        if let Some(known) = self.callers.get(&key.id).filter(|known| known.subject == subject) {
            return known;
        }
        let name = match key.display_name.as_str() {
            "" => format!("API key {}", key.id).into(),
            name => name.into(),
        };
        let caller = Principal { name, subject, rights: Arc::new(key.rights.clone()) };
        self.callers.insert(key.id, caller.clone());
        caller
    }

    async fn by_password(&self, name: &str, password: &Secret) -> Result<Principal, AuthError> {
        let user = self.registry.fresh().user(name).await.map_err(unavailable)?;
        self.passwords.verify(user.as_deref(), password).await?;
        user.as_deref().map(of_user).ok_or(AuthError::Invalid)
    }

    async fn user_by_id(&self, id: UserId) -> Result<Option<Arc<UserRow>>, AuthError> {
        let fresh = self.registry.fresh();
        if let Some(name) = self.names.get(&id) {
            let user = fresh.user(&name).await.map_err(unavailable)?;
            // Somebody else may have that name now.
            return Ok(user.filter(|user| user.id == id));
        }
        let user = fresh.read().user_by_id(id).await.map_err(unavailable)?;
        if let Some(user) = &user {
            self.names.insert(id, user.name.as_str().into());
        }
        Ok(user.map(Arc::new))
    }
}

#[async_trait]
impl Authenticator for BuiltInAccounts {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, AuthError> {
        match credentials {
            Credentials::None => Ok(Principal::anonymous()),
            Credentials::Key(text) => self.by_key(text).await,
            Credentials::Password { user, password } => self.by_password(user, password).await,
        }
    }
}

#[async_trait]
impl SignIn for BuiltInAccounts {
    async fn sign_in(&self, user: &str, password: &Secret, purpose: &str) -> Result<SignedIn, Problem> {
        let caller = self.by_password(user, password).await?;
        let Subject::User(id, _) = caller.subject else {
            return Err(Problem::Forbidden("only users can sign in".into()));
        };
        let text = KeyText::random().map_err(|error| Problem::internal("making a key", &error))?;
        let key = NewKey {
            kind: KeyKind::Personal,
            hash: text.hash(),
            hint: text.hint(),
            display_name: purpose.chars().filter(|c| !c.is_control()).take(100).collect(),
            description: format!("made when {} signed in", caller.name),
            rights: Default::default(),
            user: Some(id),
            expires: None,
        };
        self.registry.create_key(&caller, key).await?;
        Ok(SignedIn { token: Secret::new(text.reveal()), user: caller.name.to_string() })
    }

    /// Only personal keys are revoked. A system or feed key that was pasted into a client's
    /// configuration is shared with others: one client's sign-out makes it forget the key and no more.
    async fn sign_out(&self, caller: &Principal, token: &Secret) -> Result<(), Problem> {
        let key = self.registry.fresh().key(&KeyHash::of(token.reveal())).await?;
        let Some(key) = key.filter(|key| key.kind == KeyKind::Personal) else { return Ok(()) };
        match self.registry.revoke_key(caller, key.id).await {
            // Revoked by somebody else meanwhile.
            Err(Problem::NotFound(_)) => Ok(()),
            outcome => outcome,
        }
    }
}

fn of_user(user: &UserRow) -> Principal {
    Principal {
        name: user.name.as_str().into(),
        subject: Subject::User(user.id, user.revision),
        rights: Arc::new(user.rights.clone()),
    }
}

fn unavailable(error: CatalogError) -> AuthError {
    AuthError::Unavailable { source: Some(error.into()) }
}
