//! Who is calling: where credentials stand in a request, and the way from there to a principal.
//!
//! | where | what |
//! | --- | --- |
//! | `X-ApiKey` | a key, or `user:password` |
//! | `Authorization: Basic` | user and password; or user `api` (or `__token__`) and a key |
//! | `Authorization: Bearer` | a key |
//! | `Authorization` without a scheme | a key |
//! | query `key` (native API only) | a key |
//!
//! The first that is there counts. Credentials that are there and wrong are an error, never
//! anonymity. Keys in bodies (form field `key`, JSON `API_Key`) are not taken: authentication comes
//! before the first byte of a body is read, so that strangers cannot send us any.
//!
//! Guessing passwords is slowed down here and not in an authenticator, because only a request
//! knows where it came from, and every authenticator needs it.

use crate::http::ClientAddress;
use crate::stale::{StaleReaders, StaleReads};
use crate::throttle::Throttle;
use crate::verified::Verified;
use async_trait::async_trait;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use poem::Request;
use poem::http::{HeaderMap, header};
use proget_core::access::{AuthError, Credentials, Secret};
use proget_core::{Authenticator, Clock, Principal, Problem};
use proget_feeds::http::{SignIn, SignedIn};
use std::net::IpAddr;
use std::sync::Arc;

/// User names that say: the password is an API key. The second is what Python's clients send with a token.
const KEY_USERS: [&str; 2] = ["api", "__token__"];

/// Where credentials may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    /// Feeds: in headers, as package clients send them.
    Headers,
    /// The native API: in the query too.
    HeadersAndQuery,
}

/// What a request brought, taken out of it so that waiting borrows nothing.
#[derive(Debug)]
pub(crate) struct Brought {
    credentials: Credentials,
    address: Option<IpAddr>,
}

impl Brought {
    /// Reads the request's head.
    pub(crate) fn by(request: &Request, places: Places) -> Result<Self, Problem> {
        let mut credentials = from_headers(request.headers())?;
        if places == Places::HeadersAndQuery && credentials == Credentials::None {
            credentials = from_query(request.uri().query().unwrap_or_default());
        }
        let address = request.data::<ClientAddress>().and_then(|client| client.0);
        Ok(Self { credentials, address })
    }
}

/// Turns credentials into callers, slowly for those who guess.
#[derive(Debug)]
pub(crate) struct Identity {
    authenticator: Arc<dyn Authenticator>,
    throttle: Arc<Throttle>,
    /// There if callers are to be known while they cannot be verified.
    verified: Option<Verified>,
}

impl Identity {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, throttle: Arc<Throttle>) -> Self {
        Self { authenticator, throttle, verified: None }
    }

    /// Remembers whom it verified, if they may read while the database cannot be reached.
    pub(crate) fn remembering(self, stale: StaleReads, clock: Arc<dyn Clock>) -> Self {
        let verified = match stale.readers {
            StaleReaders::Known => Some(Verified::new(clock, stale.bound)),
            StaleReaders::Nobody | StaleReaders::Anonymous => None,
        };
        Self { verified, ..self }
    }

    /// Who this was when it was last verified, if that is not too long ago; otherwise nobody.
    pub(crate) fn remembered(&self, brought: &Brought) -> Principal {
        let known = self.verified.as_ref().and_then(|verified| verified.recall(&brought.credentials));
        known.unwrap_or_else(Principal::anonymous)
    }

    /// Who is it?
    pub(crate) async fn of(&self, brought: &Brought) -> Result<Principal, Problem> {
        let outcome = self.verify(brought).await;
        if let Some(verified) = &self.verified {
            verified.note(&brought.credentials, &outcome);
        }
        outcome
    }

    async fn verify(&self, brought: &Brought) -> Result<Principal, Problem> {
        let Credentials::Password { user, .. } = &brought.credentials else {
            return Ok(self.authenticator.authenticate(&brought.credentials).await?);
        };
        self.throttle.check(user, brought.address)?;
        let outcome = self.authenticator.authenticate(&brought.credentials).await;
        if matches!(outcome, Err(AuthError::Invalid)) {
            self.throttle.failed(user, brought.address);
        }
        Ok(outcome?)
    }

    /// The same slowness for clients that sign in through their feed's protocol.
    pub(crate) fn slowed(&self, inner: Arc<dyn SignIn>, address: Option<IpAddr>) -> Arc<dyn SignIn> {
        Arc::new(SlowedSignIn { inner, address, throttle: self.throttle.clone() })
    }
}

/// Signing in from one address.
#[derive(Debug)]
struct SlowedSignIn {
    inner: Arc<dyn SignIn>,
    address: Option<IpAddr>,
    throttle: Arc<Throttle>,
}

#[async_trait]
impl SignIn for SlowedSignIn {
    async fn sign_in(&self, user: &str, password: &Secret, purpose: &str) -> Result<SignedIn, Problem> {
        self.throttle.check(user, self.address)?;
        let outcome = self.inner.sign_in(user, password, purpose).await;
        if matches!(outcome, Err(Problem::Unauthenticated(_))) {
            self.throttle.failed(user, self.address);
        }
        outcome
    }

    async fn sign_out(&self, caller: &Principal, token: &Secret) -> Result<(), Problem> {
        self.inner.sign_out(caller, token).await
    }
}

fn from_headers(headers: &HeaderMap) -> Result<Credentials, Problem> {
    if let Some(value) = headers.get("x-apikey") {
        let text = value.to_str().map_err(|_| malformed("the X-ApiKey header is not plain text"))?;
        return Ok(key_or_pair(text.trim()));
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(Credentials::None) };
    if values.next().is_some() {
        return Err(malformed("there is more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| malformed("the Authorization header is not plain text"))?;
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once(' ') else {
        let scheme = ["basic", "bearer"].iter().any(|known| text.eq_ignore_ascii_case(known));
        if scheme || text.is_empty() {
            return Err(malformed("the Authorization header has a scheme and no credentials"));
        }
        // Cargo and gem send nothing but the key.
        return Ok(Credentials::Key(Secret::new(text)));
    };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Credentials::Key(Secret::new(rest)));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest);
    }
    Err(malformed("the Authorization header has a scheme other than Basic and Bearer"))
}

/// <https://www.rfc-editor.org/rfc/rfc7617>, in UTF-8, with or without padding.
fn basic(text: &str) -> Result<Credentials, Problem> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let bytes = LENIENT.decode(text).map_err(|_| malformed("the Basic credentials are not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| malformed("the Basic credentials are not UTF-8"))?;
    let pair = text.split_once(':').map(|(user, password)| pair(user, password));
    pair.ok_or_else(|| malformed("the Basic credentials have no colon between user and password"))
}

/// ProGet's pseudo-key: keys never contain a colon, so one that does is a user with a password.
fn key_or_pair(text: &str) -> Credentials {
    match text.split_once(':') {
        Some((user, password)) => pair(user, password),
        None if text.is_empty() => Credentials::None,
        None => Credentials::Key(Secret::new(text)),
    }
}

fn pair(user: &str, password: &str) -> Credentials {
    if KEY_USERS.iter().any(|known| user.eq_ignore_ascii_case(known)) {
        return Credentials::Key(Secret::new(password));
    }
    Credentials::Password { user: user.to_owned(), password: Secret::new(password) }
}

fn from_query(query: &str) -> Credentials {
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key");
    key.map_or(Credentials::None, |(_, text)| key_or_pair(&text))
}

fn malformed(what: &str) -> Problem {
    Problem::Unauthenticated(format!("the credentials cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(name: &str, value: &str) -> Result<Credentials, Problem> {
        let request = Request::builder().header(name, value).finish();
        Brought::by(&request, Places::Headers).map(|brought| brought.credentials)
    }

    fn key(text: &str) -> Result<Credentials, Problem> {
        Ok(Credentials::Key(Secret::new(text)))
    }

    fn password(user: &str, password: &str) -> Result<Credentials, Problem> {
        Ok(Credentials::Password { user: user.into(), password: Secret::new(password) })
    }

    fn encoded(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn keys_and_passwords_are_found_where_clients_put_them() {
        assert_eq!(brought("x-apikey", "secret"), key("secret"));
        assert_eq!(brought("x-apikey", "bob:pass:word"), password("bob", "pass:word"));
        assert_eq!(brought("x-apikey", "api:secret"), key("secret"));
        let token = format!("Basic {}", encoded("__token__:secret"));
        assert_eq!(brought("authorization", &token), key("secret"));
        assert_eq!(brought("authorization", "Bearer secret"), key("secret"));
        assert_eq!(brought("authorization", "bearer  secret "), key("secret"));
        assert_eq!(brought("authorization", "pg_secret"), key("pg_secret"));
        assert_eq!(brought("authorization", &format!("Basic {}", encoded("api:secret"))), key("secret"));
        assert_eq!(
            brought("authorization", &format!("BASIC {}", encoded("bob:päss:w").trim_end_matches('='))),
            password("bob", "päss:w")
        );
        assert_eq!(brought("accept", "*/*"), Ok(Credentials::None));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_says_why_and_never_anonymity() {
        let latin1 = base64::engine::general_purpose::STANDARD.encode(b"bob:\xe4");
        for (value, why) in [
            ("Basic ?", "base64"),
            ("Basic", "no credentials"),
            ("bearer", "no credentials"),
            (&*format!("Basic {latin1}"), "UTF-8"),
            (&*format!("Basic {}", encoded("nocolon")), "colon"),
            ("Negotiate abc", "Basic and Bearer"),
        ] {
            match brought("authorization", value) {
                Err(Problem::Unauthenticated(text)) => assert!(text.contains(why), "{value}: {text}"),
                other => panic!("{value}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_key_in_the_query_counts_only_where_it_is_allowed() {
        let request = Request::builder().uri_str("/api/x?a=b&key=se%2Bcret").finish();
        let at = |places| Brought::by(&request, places).map(|brought| brought.credentials);
        assert_eq!(at(Places::HeadersAndQuery), key("se+cret"));
        assert_eq!(at(Places::Headers), Ok(Credentials::None));
    }
}
