//! Step 1 of everything: which feed, who is calling, may they?
//!
//! The answer is a value, [`Admission`], that the use-cases demand: what has not been permitted
//! cannot be called.

use super::{Foreseen, FreshCatalog, Registry};
use crate::access::{Permission, Principal};
use crate::catalog::CatalogError;
use crate::feed::{Feed, FeedName};
use crate::ids::Stamp;
use crate::package::NameKey;
use crate::problem::Problem;
use std::sync::Arc;

/// A permission that was given: who may do what in which feed, as it was judged.
#[derive(Debug, Clone)]
pub struct Admission {
    caller: Principal,
    feed: Arc<Feed>,
    permission: Permission,
    foreseen: Option<Foreseen>,
}

impl Admission {
    /// With what was read about a package before it was certain which feed this is.
    #[must_use]
    pub fn with_foreseen(self, foreseen: Option<Foreseen>) -> Self {
        Self { foreseen, ..self }
    }

    /// Who.
    #[must_use]
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// In which feed, with the settings that were judged.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// The stamp of a package as it was when the request arrived or later.
    pub(super) async fn stamp(
        &self,
        fresh: &FreshCatalog,
        package: &NameKey,
    ) -> Result<Option<Stamp>, CatalogError> {
        match self.foreseen.as_ref().and_then(|foreseen| foreseen.of(self.feed.id, package)) {
            Some(stamp) => Ok(stamp),
            None => fresh.package(self.feed.id, package).await,
        }
    }

    /// Was this permission given? Guards use-cases against an admission for something else.
    pub(super) fn demand(&self, permission: Permission) -> Result<(), Problem> {
        if self.permission == permission { Ok(()) } else { Err(forbidden(&self.caller, permission)) }
    }
}

impl Registry {
    /// The active feed of that name.
    ///
    /// # Errors
    /// `NotFound` in ProGet's words, or `Busy`.
    pub async fn feed(&self, name: &str) -> Result<Arc<Feed>, Problem> {
        let unknown = || Problem::NotFound(format!("Feed {name} not found."));
        let parsed = FeedName::new(name).map_err(|_| unknown())?;
        let feed = self.fresh.feed(&parsed).await?;
        feed.filter(|feed| feed.settings.active).ok_or_else(unknown)
    }

    /// May `caller` do this in that feed?
    ///
    /// # Errors
    /// `Unauthenticated` if nobody is calling, otherwise `Forbidden`; `Busy` for adding packages while
    /// [publishes are held](Self::hold_publishes).
    pub fn admit(
        &self,
        caller: &Principal,
        feed: &Arc<Feed>,
        permission: Permission,
    ) -> Result<Admission, Problem> {
        if caller.may_in(permission, feed) {
            if let (Permission::Add, Some(why)) = (permission, self.publishes_held()) {
                return Err(Problem::busy(why));
            }
            return Ok(Admission { caller: caller.clone(), feed: feed.clone(), permission, foreseen: None });
        }
        Err(forbidden(caller, permission))
    }

    /// May `caller` do this in the instance as a whole?
    ///
    /// # Errors
    /// `Unauthenticated` if nobody is calling, otherwise `Forbidden`.
    pub fn demand(&self, caller: &Principal, permission: Permission) -> Result<(), Problem> {
        if caller.may(permission) { Ok(()) } else { Err(forbidden(caller, permission)) }
    }

    /// The same question again, after the feed's settings or the caller's rights have changed.
    pub(super) async fn admit_again(&self, was: &Admission) -> Result<Admission, Problem> {
        let caller = self.known_again(&was.caller).await?;
        let feed = self.fresh.read().feed_by_id(was.feed.id).await?.filter(|feed| feed.settings.active);
        let feed = feed.ok_or_else(|| Problem::NotFound(format!("Feed {} not found.", was.feed.name)))?;
        self.admit(&caller, &Arc::new(feed), was.permission)
    }
}

fn forbidden(caller: &Principal, permission: Permission) -> Problem {
    let what = match permission {
        Permission::View => "view or download packages in this feed",
        Permission::Add => "publish packages into this feed",
        Permission::Promote => "promote packages of this feed",
        Permission::Delete => "remove or change packages in this feed",
        Permission::ManageFeeds => "manage feeds",
        Permission::Administer => "administer this server",
    };
    if caller.is_anonymous() {
        Problem::Unauthenticated(format!("credentials are required to {what}"))
    } else {
        Problem::Forbidden(format!("these credentials do not permit to {what}"))
    }
}
