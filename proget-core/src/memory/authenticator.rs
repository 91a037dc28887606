//! Who is calling, from a fixed table.

use crate::access::{AuthError, Authenticator, Credentials, Principal, Secret};
use async_trait::async_trait;

/// A fixed table of callers: for tests, and for embedders whose callers are known in advance.
///
/// Names are compared without regard to case, as the catalogue compares them. Every question walks
/// the whole table and compares every secret in constant time, so that neither a hit nor its place
/// shows in the time an answer takes.
#[derive(Debug, Clone, Default)]
pub struct MemoryAuthenticator {
    users: Vec<(String, Secret, Principal)>,
    keys: Vec<(Secret, Principal)>,
}

impl MemoryAuthenticator {
    /// Knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also knows this user.
    #[must_use]
    pub fn with_user(mut self, name: &str, password: Secret, principal: Principal) -> Self {
        self.users.push((name.to_lowercase(), password, principal));
        self
    }

    /// Also knows this key.
    #[must_use]
    pub fn with_key(mut self, key: Secret, principal: Principal) -> Self {
        self.keys.push((key, principal));
        self
    }

    fn by_password(&self, user: &str, password: &Secret) -> Option<&Principal> {
        let user = Secret::new(user.to_lowercase());
        let mut found = None;
        for (name, known, principal) in &self.users {
            // Both are compared whatever the first says.
            if (Secret::new(name.as_str()) == user) & (known == password) {
                found = Some(principal);
            }
        }
        found
    }

    fn by_key(&self, key: &Secret) -> Option<&Principal> {
        let mut found = None;
        for (known, principal) in &self.keys {
            if known == key {
                found = Some(principal);
            }
        }
        found
    }
}

#[async_trait]
impl Authenticator for MemoryAuthenticator {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, AuthError> {
        let found = match credentials {
            Credentials::None => return Ok(Principal::anonymous()),
            Credentials::Password { user, password } => self.by_password(user, password),
            Credentials::Key(key) => self.by_key(key),
        };
        found.cloned().ok_or(AuthError::Invalid)
    }
}
