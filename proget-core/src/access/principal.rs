//! Who is calling, once it is known.

use super::{Permission, Rights};
use crate::catalog::Expect;
use crate::feed::Feed;
use crate::ids::{KeyId, Stamp, UserId};
use std::fmt;
use std::sync::Arc;

/// What vouches for a caller; a publish expects it unchanged when it commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Nobody in particular.
    Anonymous,
    /// A user, as it was read.
    User(UserId, Stamp),
    /// A key, as it was read.
    Key(KeyId, Stamp),
    /// A personal key and the user behind it, as they were read: the rights are the user's.
    Personal(KeyId, Stamp, UserId, Stamp),
    /// This process itself, or an authenticator that keeps its own accounts; nothing to expect.
    Trusted,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// A user's name, or a key's display name; what `whoami` answers.
    pub name: Arc<str>,
    /// What vouches for it.
    pub subject: Subject,
    /// What it may do.
    pub rights: Arc<Rights>,
}

impl Principal {
    /// Nobody in particular, with no rights of its own.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: "Anonymous".into(), subject: Subject::Anonymous, rights: Arc::default() }
    }

    /// This process itself, which may do everything: chores, the command line on its own data.
    #[must_use]
    pub fn system() -> Self {
        Self { name: "SYSTEM".into(), subject: Subject::Trusted, rights: Arc::new(Rights::full_control()) }
    }

    /// Did it bring no credentials? Then "log in" is a better answer than "you may not".
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.subject == Subject::Anonymous
    }

    /// May it, in the instance as a whole?
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.may(permission)
    }

    /// May it, in that feed?
    #[must_use]
    pub fn may_in(&self, permission: Permission, feed: &Feed) -> bool {
        self.rights.may_in(permission, feed)
    }

    /// What a commit made for this caller expects of its credential.
    #[must_use]
    pub fn expectations(&self) -> Vec<Expect> {
        match self.subject {
            Subject::Anonymous | Subject::Trusted => Vec::new(),
            Subject::User(user, revision) => vec![Expect::User(user, revision)],
            Subject::Key(key, revision) => vec![Expect::Key(key, revision)],
            Subject::Personal(key, key_revision, user, user_revision) => {
                vec![Expect::Key(key, key_revision), Expect::User(user, user_revision)]
            }
        }
    }

    /// The caller as the journal remembers it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor(self.name.clone())
    }
}

/// By whom a change is made, as the journal remembers it: a name that outlives the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub Arc<str>);

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
