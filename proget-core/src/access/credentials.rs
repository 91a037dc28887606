//! What a request brought along to say who is calling.

use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// Text that must not be seen: it cannot be printed, comparing it takes the same time wherever it differs,
/// and it is overwritten when it is dropped.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for hashing and verifying only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

/// What a request brought along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A user's name and password.
    Password {
        /// The name, as written.
        user: String,
        /// The password.
        password: Secret,
    },
    /// The text of an API key, however it travelled.
    Key(Secret),
}
