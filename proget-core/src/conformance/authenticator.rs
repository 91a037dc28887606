//! The suite of [`Authenticator`].

use super::case::{self, Broken, Case, cases};
use crate::access::{AuthError, Authenticator, Credentials, Principal, Secret};
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

const CASES: &[Case<Callers>] = cases![
    no_credentials_are_anonymous,
    a_user_is_known_by_password,
    a_wrong_password_and_an_unknown_user_are_the_same,
    a_key_is_known_by_its_whole_text,
    nobody_is_anonymous_by_mistake,
    errors_carry_no_secrets,
    a_revoked_key_is_refused_at_once,
];

/// An authenticator and callers that it knows.
#[derive(Clone)]
pub struct Callers {
    /// The authenticator.
    pub authenticator: Arc<dyn Authenticator>,
    /// A user's name and password, if it knows users; the principal has this name.
    pub user: Option<(String, Secret)>,
    /// A key's text and the name of its principal, if it knows keys.
    pub key: Option<(Secret, String)>,
    /// Revokes that key, if keys can be revoked.
    pub revoke: Option<Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>>,
}

impl Callers {
    async fn ask(&self, credentials: &Credentials) -> Result<Principal, AuthError> {
        self.authenticator.authenticate(credentials).await
    }

    async fn refused(&self, credentials: &Credentials, who: &str) -> AuthError {
        match self.ask(credentials).await {
            Err(error) => error,
            Ok(principal) => panic!("{who} is taken for '{}'", principal.name),
        }
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

/// Tries every promise of an authenticator, each on a fresh one.
///
/// # Panics
/// With the names of all broken promises.
pub async fn authenticator<F: Future<Output = Callers>>(fresh: impl Fn() -> F) {
    case::must_be_empty("authenticator", &authenticator_broken(fresh).await);
}

/// The promises that an authenticator breaks.
pub async fn authenticator_broken<F: Future<Output = Callers>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    case::run(&[CASES], fresh).await
}

fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.into(), password: Secret::new(password) }
}

fn key(text: &str) -> Credentials {
    Credentials::Key(Secret::new(text))
}

/// Texts that are almost the secret.
fn almost(secret: &Secret) -> Vec<String> {
    let text = secret.reveal();
    let first = text.chars().next().map_or(0, char::len_utf8);
    let other_case = if text.to_uppercase() == text { text.to_lowercase() } else { text.to_uppercase() };
    let mut almost =
        vec![String::new(), text[first..].into(), format!("{text}x"), format!(" {text}"), other_case];
    almost.retain(|almost| almost != text);
    almost
}

async fn no_credentials_are_anonymous(callers: Callers) {
    let nobody = callers.ask(&Credentials::None).await.expect("no credentials are no error");
    assert_eq!(nobody, Principal::anonymous());
}

async fn a_user_is_known_by_password(callers: Callers) {
    let Some((name, secret)) = &callers.user else { return };
    let principal = callers.ask(&password(name, secret.reveal())).await.expect("the right password");
    assert_eq!(*principal.name, **name);
    assert!(!principal.is_anonymous(), "whoever signed in is somebody");
}

async fn a_wrong_password_and_an_unknown_user_are_the_same(callers: Callers) {
    let Some((name, secret)) = &callers.user else { return };
    let unknown = callers.refused(&password("nobody-of-this-name", secret.reveal()), "an unknown user").await;
    assert!(matches!(unknown, AuthError::Invalid), "{unknown:?}");
    for wrong in almost(secret) {
        let error = callers.refused(&password(name, &wrong), "a wrong password").await;
        assert_eq!(error.to_string(), unknown.to_string(), "the text does not tell whether the user exists");
        assert!(matches!(error, AuthError::Invalid));
    }
}

async fn a_key_is_known_by_its_whole_text(callers: Callers) {
    let Some((secret, name)) = &callers.key else { return };
    let principal = callers.ask(&key(secret.reveal())).await.expect("the right key");
    assert_eq!(*principal.name, **name);
    for wrong in almost(secret) {
        let error = callers.refused(&key(&wrong), "a wrong key").await;
        assert!(matches!(error, AuthError::Invalid));
    }
}

async fn nobody_is_anonymous_by_mistake(callers: Callers) {
    for credentials in
        [password("", ""), password("nobody", ""), key(""), key("Anonymous"), password("Anonymous", "")]
    {
        callers.refused(&credentials, "somebody with bad credentials").await;
    }
    let (Some((_, user_secret)), Some((key_secret, _))) = (&callers.user, &callers.key) else { return };
    callers.refused(&key(user_secret.reveal()), "a password used as a key").await;
    callers.refused(&password("nobody", key_secret.reveal()), "a key used as nobody's password").await;
}

async fn errors_carry_no_secrets(callers: Callers) {
    let secret = "correct-horse-battery-staple";
    for credentials in [password("anna", secret), key(secret)] {
        let error = callers.refused(&credentials, "a stranger").await;
        let told = format!("{error} {error:?} {credentials:?} {:?}", callers.authenticator);
        assert!(!told.contains(secret), "a secret is told: {told}");
    }
    for known in
        [callers.user.as_ref().map(|(_, secret)| secret), callers.key.as_ref().map(|(secret, _)| secret)]
    {
        let Some(known) = known else { continue };
        let told = format!("{:?}", callers.authenticator);
        assert!(!told.contains(known.reveal()), "the authenticator prints a secret it knows");
    }
}

async fn a_revoked_key_is_refused_at_once(callers: Callers) {
    let (Some((secret, _)), Some(revoke)) = (&callers.key, &callers.revoke) else { return };
    callers.ask(&key(secret.reveal())).await.expect("the key is good before it is revoked");
    revoke().await;
    let error = callers.refused(&key(secret.reveal()), "a revoked key").await;
    assert!(matches!(error, AuthError::Invalid | AuthError::Expired));
}
