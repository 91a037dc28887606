//! The first administrator of a new instance, made once however many nodes start at the same moment.

use super::KeyText;
use super::passwords::{PasswordError, hash_password};
use crate::plain;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proget_core::access::{Rights, Secret};
use proget_core::catalog::{KeyKind, NewKey, NewUser};
use proget_core::{Problem, Registry};

/// The first administrator's name.
pub const ADMINISTRATOR: &str = "Admin";

/// What the configuration says about the first administrator; nothing of it counts on an instance
/// that has users.
#[derive(Debug, Clone, Default)]
pub struct FirstAdministrator {
    /// The password.
    pub password: FirstPassword,
    /// The text of a first system key with full control, taken as given.
    pub api_key: Option<KeyText>,
}

/// The first administrator's password.
#[derive(Debug, Clone, Default)]
pub enum FirstPassword {
    /// A random one, to be shown once.
    #[default]
    Random,
    /// This one.
    Given(Secret),
    /// None: until one is set, nobody signs in as the administrator. For instances that are born with a key.
    Absent,
}

/// The administrator that was created.
#[derive(Debug, Clone)]
pub struct NewAdministrator {
    /// Its name.
    pub user: String,
    /// Its password if we made it up: to be shown once, now, as it is kept nowhere.
    pub password: Option<Secret>,
}

/// Why it could not be created.
#[derive(Debug, thiserror::Error)]
pub enum FirstAdministratorError {
    /// The password.
    #[error("the first administrator's password cannot be used")]
    Password(#[source] PasswordError),
    /// The operating system has no random numbers to give.
    #[error("a password for the first administrator could not be made")]
    Random(#[source] getrandom::Error),
    /// The catalogue.
    #[error("the first administrator could not be created: {0}")]
    Catalogue(String),
}

impl From<Problem> for FirstAdministratorError {
    fn from(problem: Problem) -> Self {
        Self::Catalogue(plain::sentence(&problem))
    }
}

/// Creates the first administrator unless there is any user; `None` if there is.
///
/// # Errors
/// If the password cannot be used or the catalogue cannot be reached.
pub async fn create_first_administrator(
    registry: &Registry,
    wanted: &FirstAdministrator,
) -> Result<Option<NewAdministrator>, FirstAdministratorError> {
    // Hashing is slow, so it is done only when it is probably needed; the commit decides.
    let users = registry.fresh().read().users().await.map_err(Problem::from)?;
    if !users.is_empty() {
        return Ok(None);
    }
    let (password, made_up) = match &wanted.password {
        FirstPassword::Random => {
            let password = random_password()?;
            (Some(password.clone()), Some(password))
        }
        FirstPassword::Given(password) => (Some(password.clone()), None),
        FirstPassword::Absent => (None, None),
    };
    let hash = match password {
        Some(password) => Some(hash_password(&password).await.map_err(FirstAdministratorError::Password)?),
        None => None,
    };
    let user = NewUser { name: ADMINISTRATOR.into(), password: hash, rights: Rights::full_control() };
    let key = wanted.api_key.as_ref().map(|text| NewKey {
        kind: KeyKind::System,
        hash: text.hash(),
        hint: text.hint(),
        display_name: "First key".into(),
        description: "given by the configuration when the instance was new".into(),
        rights: Rights::full_control(),
        user: None,
        expires: None,
    });
    let created = registry.create_first_user(user, key).await?;
    Ok(created.then(|| NewAdministrator { user: ADMINISTRATOR.into(), password: made_up }))
}

/// 24 characters from 144 random bits.
fn random_password() -> Result<Secret, FirstAdministratorError> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(FirstAdministratorError::Random)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
