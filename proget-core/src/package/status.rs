//! What has been decided about a version after it was published.

/// May a version be downloaded?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Download {
    /// Nothing was decided: the feed's rules apply.
    #[default]
    ByRule,
    /// Always, whatever the rules say.
    Allowed,
    /// Never; the answer to a download is as if it did not exist.
    Blocked,
}

/// What has been decided about a version after it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionStatus {
    /// Shown in searches and lists? An unlisted version can still be had by name.
    pub listed: bool,
    /// May it be downloaded?
    pub download: Download,
    /// Why it should no longer be used; an empty text means "deprecated without a reason".
    pub deprecated: Option<String>,
}

impl Default for VersionStatus {
    fn default() -> Self {
        Self { listed: true, download: Download::ByRule, deprecated: None }
    }
}
