//! The seam that answers who is calling; what a caller may do is decided elsewhere.

use super::{Credentials, Principal};
use async_trait::async_trait;
use std::error::Error;
use std::fmt;

/// Why a caller could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no such user or key, or the password is wrong: never said which.
    #[error("the credentials are not valid")]
    Invalid,
    /// They were valid once.
    #[error("the credentials have expired")]
    Expired,
    /// Too many attempts, or too many passwords being verified at this moment.
    #[error("too many sign-in attempts at this moment")]
    Busy,
    /// Whoever knows cannot be reached.
    #[error("credentials cannot be verified at this moment")]
    Unavailable {
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

/// Who is calling: credentials → principal.
///
/// # What an implementation must promise
/// - [`Credentials::None`] gives [`Principal::anonymous`]; everything else gives a principal or an
///   error, never silently the anonymous one.
/// - `Invalid` does not tell whether the user exists, neither by text nor by time.
/// - A revocation that was acknowledged before the call began is honoured, on every node.
/// - Secrets are compared in constant time and appear in no error.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who brings these credentials?
    async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, AuthError>;
}
