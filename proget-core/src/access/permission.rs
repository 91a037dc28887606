//! What a caller may do, as a pure question.

use crate::feed::Feed;
use crate::ids::FeedId;
use serde::{Deserialize, Serialize};

/// Something a caller may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See and download packages of a feed.
    View,
    /// Publish packages into a feed.
    Add,
    /// Promote packages of a feed.
    Promote,
    /// Remove, replace, unlist or block packages of a feed.
    Delete,
    /// Create, change and delete feeds.
    ManageFeeds,
    /// Everything: users, keys, settings, maintenance.
    Administer,
}

/// Which of the four feed permissions are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// See [`Permission::View`].
    pub view: bool,
    /// See [`Permission::Add`].
    pub add: bool,
    /// See [`Permission::Promote`].
    pub promote: bool,
    /// See [`Permission::Delete`].
    pub delete: bool,
}

impl Permissions {
    /// All four.
    pub const ALL: Self = Self { view: true, add: true, promote: true, delete: true };

    /// Is this one among them? `ManageFeeds` and `Administer` never are.
    #[must_use]
    pub fn include(self, permission: Permission) -> bool {
        match permission {
            Permission::View => self.view,
            Permission::Add => self.add,
            Permission::Promote => self.promote,
            Permission::Delete => self.delete,
            Permission::ManageFeeds | Permission::Administer => false,
        }
    }
}

/// To which feeds a right extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedScope {
    /// Every feed.
    All,
    /// One feed, by its row: a feed of the same name created later is another.
    One(FeedId),
}

/// Permissions in one feed or in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRight {
    /// Where.
    pub scope: FeedScope,
    /// What.
    pub may: Permissions,
}

/// Everything that was granted to a user or key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Rights {
    /// Everything, everywhere.
    pub full_control: bool,
    /// May use and manage all feeds.
    pub manage_feeds: bool,
    /// Rights in feeds.
    pub feeds: Vec<FeedRight>,
}

impl Rights {
    /// Everything, everywhere.
    #[must_use]
    pub fn full_control() -> Self {
        Self { full_control: true, ..Self::default() }
    }

    /// These permissions in that scope and nothing else.
    #[must_use]
    pub fn in_feeds(scope: FeedScope, may: Permissions) -> Self {
        Self { feeds: vec![FeedRight { scope, may }], ..Self::default() }
    }

    /// Does this include a permission of the instance as a whole?
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match permission {
            Permission::Administer => self.full_control,
            Permission::ManageFeeds => self.full_control || self.manage_feeds,
            _ => false,
        }
    }

    /// Does this include a permission in that feed? Anonymous view is the feed's own gift to everybody.
    #[must_use]
    pub fn may_in(&self, permission: Permission, feed: &Feed) -> bool {
        let given = |right: &FeedRight| {
            let covers = match right.scope {
                FeedScope::All => true,
                FeedScope::One(id) => id == feed.id,
            };
            covers && right.may.include(permission)
        };
        match permission {
            Permission::Administer | Permission::ManageFeeds => self.may(permission),
            Permission::View if feed.settings.anonymous_view => true,
            _ => self.full_control || self.manage_feeds || self.feeds.iter().any(given),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::feed::{FeedName, FeedSettings, FormatId};
    use crate::ids::Stamp;

    fn feed(id: i64, anonymous_view: bool) -> Feed {
        Feed {
            id: FeedId(id),
            name: FeedName::new("f").unwrap(),
            format: FormatId::new("npm").unwrap(),
            settings: FeedSettings { anonymous_view, ..FeedSettings::default() },
            revision: Stamp::random(),
            created: Timestamp(0),
        }
    }

    #[test]
    fn nobody_may_anything_on_a_new_feed_and_everybody_may_view_one_that_is_open() {
        let none = Rights::default();
        assert!(!none.may_in(Permission::View, &feed(1, false)));
        assert!(none.may_in(Permission::View, &feed(1, true)));
        assert!(!none.may_in(Permission::Add, &feed(1, true)));
    }

    #[test]
    fn a_feed_right_holds_in_its_feed_only_and_never_for_the_instance() {
        let rights = Rights::in_feeds(FeedScope::One(FeedId(1)), Permissions::ALL);
        assert!(rights.may_in(Permission::Delete, &feed(1, false)));
        assert!(!rights.may_in(Permission::View, &feed(2, false)));
        assert!(!rights.may_in(Permission::ManageFeeds, &feed(1, false)));
        assert!(!rights.may(Permission::Administer));
    }

    #[test]
    fn managing_feeds_is_not_administering() {
        let rights = Rights { manage_feeds: true, ..Rights::default() };
        assert!(rights.may(Permission::ManageFeeds) && rights.may_in(Permission::Delete, &feed(1, false)));
        assert!(!rights.may(Permission::Administer));
    }
}
