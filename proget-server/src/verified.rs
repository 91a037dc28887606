//! Whom this process verified, and when: how callers are known while the database cannot be reached.
//!
//! Credentials are kept as digests, salted with what only this process knows, and only in memory.

use proget_core::access::{Credentials, Principal};
use proget_core::digest::Sha256;
use proget_core::{Clock, Problem};
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use zeroize::Zeroizing;

/// So many callers are remembered.
const CALLERS: usize = 10_000;

/// Who was verified so recently is not noted anew.
const RECENT: Duration = Duration::from_secs(1);

/// See the module's page.
pub(crate) struct Verified {
    clock: Arc<dyn Clock>,
    bound: Duration,
    salt: [u8; 32],
    callers: Cache<Sha256, (Principal, Instant)>,
}

/// Neither the salt nor anything that was made with it is shown.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Verified {
    pub(crate) fn new(clock: Arc<dyn Clock>, bound: Duration) -> Self {
        let mut salt = [0; 32];
        salt[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        salt[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self { clock, bound, salt, callers: Cache::new(CALLERS) }
    }

    /// What came of verifying these credentials.
    pub(crate) fn note(&self, credentials: &Credentials, outcome: &Result<Principal, Problem>) {
        let Some(name) = self.name_of(credentials) else { return };
        match outcome {
            Ok(principal) => {
                let now = self.clock.tick();
                let known = self.callers.get(&name);
                if known.is_none_or(|(known, at)| known != *principal || at + RECENT < now) {
                    self.callers.insert(name, (principal.clone(), now));
                }
            }
            Err(Problem::Unauthenticated(_)) => drop(self.callers.remove(&name)),
            // Nobody can say.
            Err(_) => {}
        }
    }

    /// Who brought these credentials when they were last verified, if that is within the bound.
    pub(crate) fn recall(&self, credentials: &Credentials) -> Option<Principal> {
        let (principal, at) = self.callers.get(&self.name_of(credentials)?)?;
        (self.clock.tick().saturating_duration_since(at) <= self.bound).then_some(principal)
    }

    /// Under what they are remembered; no credentials are under nothing.
    fn name_of(&self, credentials: &Credentials) -> Option<Sha256> {
        let (kind, user, secret) = match credentials {
            Credentials::None => return None,
            Credentials::Password { user, password } => (b'p', user.as_str(), password),
            Credentials::Key(key) => (b'k', "", key),
        };
        let secret = secret.reveal().as_bytes();
        // Allocated whole, so that no half of it is left behind by growing.
        let mut text = Zeroizing::new(Vec::with_capacity(self.salt.len() + 9 + user.len() + secret.len()));
        text.extend_from_slice(&self.salt);
        text.push(kind);
        text.extend_from_slice(&(user.len() as u64).to_be_bytes());
        text.extend_from_slice(user.as_bytes());
        text.extend_from_slice(secret);
        Some(Sha256::of(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::access::Secret;
    use proget_core::clock::{ManualClock, Timestamp};

    #[test]
    fn who_was_verified_is_known_within_the_bound_by_exactly_these_credentials() {
        let clock = Arc::new(ManualClock::at(Timestamp(0)));
        let verified = Verified::new(clock.clone(), Duration::from_secs(60));
        let key = |text: &str| Credentials::Key(Secret::new(text));
        let password =
            |user: &str, text: &str| Credentials::Password { user: user.into(), password: Secret::new(text) };
        let bob = Principal { name: "bob".into(), ..Principal::system() };
        for known in [key("abc"), password("bob", "pass")] {
            verified.note(&known, &Ok(bob.clone()));
            assert_eq!(verified.recall(&known), Some(bob.clone()));
        }
        verified.note(&Credentials::None, &Ok(Principal::anonymous()));
        for other in [
            Credentials::None,
            key("ab"),
            key("bobpass"),
            password("bob", "Pass"),
            password("bobp", "ass"),
            password("", "abc"),
        ] {
            assert_eq!(verified.recall(&other), None, "{other:?}");
        }
        clock.advance(Duration::from_secs(60));
        assert_eq!(verified.recall(&key("abc")), Some(bob.clone()));
        verified.note(&key("abc"), &Err(Problem::busy("the database")));
        assert!(verified.recall(&key("abc")).is_some(), "nobody can say");
        verified.note(&key("abc"), &Err(Problem::Unauthenticated("revoked".into())));
        assert_eq!(verified.recall(&key("abc")), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(verified.recall(&password("bob", "pass")), None);
        assert_eq!(format!("{verified:?}"), "Verified { bound: 60s, .. }", "no salt, no digest");
    }
}
