//! Built-in accounts: users with passwords and API keys, kept in the catalogue.
//!
//! `passwords` knows Argon2id and nothing of users; `key_text` makes keys and judges chosen ones;
//! `built_in` joins them to the catalogue as [`Authenticator`](proget_core::Authenticator) and
//! [`SignIn`](proget_feeds::http::SignIn); `first` creates the first administrator.

mod built_in;
mod first;
mod key_text;
mod passwords;

pub use built_in::BuiltInAccounts;
pub use first::{
    ADMINISTRATOR, FirstAdministrator, FirstAdministratorError, FirstPassword, NewAdministrator,
    create_first_administrator,
};
pub use key_text::KeyText;
pub use passwords::{PasswordError, hash_password};

pub(crate) use passwords::Passwords;
