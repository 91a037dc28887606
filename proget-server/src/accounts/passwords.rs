//! Passwords: Argon2id, away from the runtime, two at a time, and remembered once verified.
//!
//! Package clients send user and password with every request. Verifying costs 19 MiB and some
//! 30 ms, so a password that was right is remembered for as long as the user's row stays what it
//! was: as a hash keyed with random bytes of this process, together with the row's revision. A changed
//! password, a deleted user or a restart forgets it. Wrong ones are never remembered.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use proget_core::access::{AuthError, Secret};
use proget_core::catalog::UserRow;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// So many passwords are verified at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// So many more may wait for their turn.
const WAITING: usize = 64;

/// Whoever has waited for so long is asked to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many verified passwords are remembered.
const REMEMBERED: usize = 1_000;

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password must have {} to {} bytes", PasswordError::MIN_BYTES, PasswordError::MAX_BYTES)]
    Length,
    /// The hash could not be computed: no memory, no random numbers, or the runtime is ending.
    #[error("the password could not be hashed")]
    Failed {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PasswordError {
    /// Shortest password, in bytes.
    pub const MIN_BYTES: usize = 8;

    /// Longest password, in bytes.
    pub const MAX_BYTES: usize = 1024;
}

/// Hashes a password as the catalogue keeps it, away from the runtime: Argon2id with 19 MiB, two
/// passes and one lane, in PHC form.
///
/// # Errors
/// `Length`; `Failed` if the machine cannot.
pub async fn hash_password(password: &Secret) -> Result<String, PasswordError> {
    if !(PasswordError::MIN_BYTES..=PasswordError::MAX_BYTES).contains(&password.reveal().len()) {
        return Err(PasswordError::Length);
    }
    let password = password.clone();
    let work = move || argon2().hash_password(password.reveal().as_bytes()).map(|hash| hash.to_string());
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(error)) => Err(PasswordError::Failed { source: error.to_string().into() }),
        Err(error) => Err(PasswordError::Failed { source: error.into() }),
    }
}

fn argon2() -> Argon2<'static> {
    // Argon2id, version 0x13, m = 19456 KiB, t = 2, p = 1: what is recommended for sign-ins
    // (https://www.rfc-editor.org/rfc/rfc9106 gives the algorithm).
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// Verifies passwords.
pub(crate) struct Passwords {
    turns: Semaphore,
    queue: Semaphore,
    verified: Cache<[u8; 32], ()>,
    secret: [u8; 32],
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("verified", &self.verified.len()).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Remembers nothing yet.
    ///
    /// # Errors
    /// If the operating system has no random numbers to give.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            turns: Semaphore::new(AT_ONCE),
            queue: Semaphore::new(WAITING),
            verified: Cache::new(REMEMBERED),
            secret,
        })
    }

    /// Is this the user's password? For no user, and for one without a password, it takes as long
    /// as for a wrong one.
    ///
    /// # Errors
    /// `Invalid`; `Busy` if too many are waiting.
    pub(crate) async fn verify(&self, user: Option<&UserRow>, password: &Secret) -> Result<(), AuthError> {
        let tag = user.map(|user| self.tag(user, password));
        if self.remembers(tag) {
            return Ok(());
        }
        let _queued = self.queue.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(AuthError::Busy) };
        // Whoever had the turn before may have verified the same: clients send many requests at once.
        if self.remembers(tag) {
            return Ok(());
        }
        let hash = user.and_then(|user| user.password.clone());
        let password = password.clone();
        let work = tokio::task::spawn_blocking(move || is_right(hash.as_deref(), password.reveal()));
        let right = work.await.map_err(|error| AuthError::Unavailable { source: Some(error.into()) })?;
        if !right {
            return Err(AuthError::Invalid);
        }
        if let Some(tag) = tag {
            self.verified.insert(tag, ());
        }
        Ok(())
    }

    fn remembers(&self, tag: Option<[u8; 32]>) -> bool {
        tag.is_some_and(|tag| self.verified.get(&tag).is_some())
    }

    /// The password under the user's row as it is now; hashed twice with the key, so that nothing
    /// can be appended.
    fn tag(&self, user: &UserRow, password: &Secret) -> [u8; 32] {
        let inner = Sha256::new()
            .chain_update(self.secret)
            .chain_update(user.id.0.to_be_bytes())
            .chain_update(user.revision.0.as_bytes())
            .chain_update(password.reveal())
            .finalize();
        Sha256::new().chain_update(self.secret).chain_update([1]).chain_update(inner).finalize().into()
    }
}

fn is_right(hash: Option<&str>, password: &str) -> bool {
    match hash {
        Some(hash) => match argon2().verify_password(password.as_bytes(), hash) {
            Ok(()) => true,
            Err(argon2::password_hash::Error::PasswordInvalid) => false,
            Err(error) => {
                tracing::error!(%error, "a stored password hash cannot be used");
                false
            }
        },
        None => {
            // As much work as for a password that is wrong.
            let mut out = [0; 32];
            let _ = argon2().hash_password_into(password.as_bytes(), &[0; 16], &mut out);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::access::Rights;
    use proget_core::clock::Timestamp;
    use proget_core::ids::{Stamp, UserId};
    use std::time::Instant;

    async fn bob(password: &str) -> UserRow {
        UserRow {
            id: UserId(1),
            name: "bob".into(),
            password: Some(hash_password(&Secret::new(password)).await.unwrap()),
            rights: Rights::default(),
            created: Timestamp(0),
            revision: Stamp::random(),
        }
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_under_the_users_revision_and_a_wrong_one_never() {
        let passwords = Passwords::new().unwrap();
        let (right, wrong) = (Secret::new("correct horse"), Secret::new("incorrect horse"));
        let mut bob = bob("correct horse").await;
        assert!(bob.password.as_ref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(matches!(passwords.verify(Some(&bob), &wrong).await, Err(AuthError::Invalid)));
        assert_eq!(passwords.verified.len(), 0);
        assert!(passwords.verify(Some(&bob), &right).await.is_ok());
        assert!(passwords.remembers(Some(passwords.tag(&bob, &right))));
        assert!(!passwords.remembers(Some(passwords.tag(&bob, &wrong))));
        bob.revision = Stamp::random();
        assert!(!passwords.remembers(Some(passwords.tag(&bob, &right))), "the user was changed");
        bob.password = None;
        assert!(matches!(passwords.verify(Some(&bob), &right).await, Err(AuthError::Invalid)));
    }

    #[tokio::test]
    async fn somebody_unknown_takes_as_long_as_a_wrong_password() {
        let passwords = Passwords::new().unwrap();
        let (bob, wrong) = (bob("correct horse").await, Secret::new("incorrect horse"));
        let mut quickest = [f64::MAX; 2];
        // The quickest of many: on a busy machine any single one may take long. Half and double leave
        // room; without the work the unknown user would take a thousandth, however often one tries.
        for round in 0..60 {
            for (place, user) in [Some(&bob), None].into_iter().enumerate() {
                let start = Instant::now();
                assert!(passwords.verify(user, &wrong).await.is_err());
                quickest[place] = quickest[place].min(start.elapsed().as_secs_f64());
            }
            if round >= 4 && (0.5..2.0).contains(&(quickest[0] / quickest[1])) {
                return;
            }
        }
        panic!("{} s for a wrong password, {} s for somebody unknown", quickest[0], quickest[1]);
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_is_told_to_come_back() {
        let passwords = Passwords::new().unwrap();
        let _turns = passwords.turns.acquire_many(2).await.unwrap();
        let _queue = passwords.queue.acquire_many(64).await.unwrap();
        let outcome = passwords.verify(None, &Secret::new("whatever")).await;
        assert!(matches!(outcome, Err(AuthError::Busy)));
    }

    #[tokio::test]
    async fn passwords_that_are_too_short_are_not_hashed() {
        assert!(matches!(hash_password(&Secret::new("1234567")).await, Err(PasswordError::Length)));
    }
}
