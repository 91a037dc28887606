//! The pure half of a feed type: what names, versions and packages mean. No I/O, no time.
//!
//! The HTTP half (`FeedProtocol`) lives in `proget-feeds`, because this crate knows no web framework.

use crate::artifact::{Artifact, ReadSeek};
use crate::digest::DigestSet;
use crate::feed::FormatId;
use crate::package::{Manifest, Offer, PackageName, Version};
use crate::refusal::Refusal;
use std::fmt;

/// The pure half of a feed type.
///
/// # What an implementation must promise
/// - No method panics, on any input; no method reads a clock, a socket or a disk.
/// - `name` and `version` accept what they themselves once produced (`as_str` round-trips).
/// - Keys fit the catalogue: [`NameKey::MAX_BYTES`](crate::package::NameKey::MAX_BYTES),
///   [`VersionKey::MAX_BYTES`](crate::package::VersionKey::MAX_BYTES),
///   [`OrderKey::MAX_BYTES`](crate::package::OrderKey::MAX_BYTES); what does not fit is refused.
/// - Plain byte order of order keys is the format's version order.
/// - `inspect` holds limits on size, entries, ratio and depth; it is bounded in memory and time.
pub trait FeedFormat: fmt::Debug + Send + Sync + 'static {
    /// `npm`: in URLs, settings and rows; never changes.
    fn id(&self) -> FormatId;

    /// `npm`: the type in a package URL (`pkg:npm/…`), see <https://github.com/package-url/purl-spec>.
    fn purl_type(&self) -> &'static str;

    /// For people: `npm`.
    fn title(&self) -> &'static str;

    /// Which digests the format's index or clients need beside SHA-256.
    fn digests(&self) -> DigestSet {
        DigestSet::default()
    }

    /// Checks a name and says how it is compared.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    fn name(&self, raw: &str) -> Result<PackageName, Refusal>;

    /// Checks a version and says how it is compared and ordered.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    fn version(&self, raw: &str) -> Result<Version, Refusal>;

    /// The format's own comparison of two versions it accepts; the suite holds order keys against it.
    ///
    /// # Errors
    /// As [`FeedFormat::version`], for either.
    fn compare(&self, left: &str, right: &str) -> Result<std::cmp::Ordering, Refusal>;

    /// May a package be published under another spelling of its name than the one it has?
    fn spelling(&self) -> Spelling {
        Spelling::Free
    }

    /// Looks into an artifact; blocking and possibly slow, so it is called away from the runtime.
    ///
    /// `bytes` starts at the artifact's beginning; `artifact` gives size and digests, against
    /// which claims in the `offer` are to be held.
    ///
    /// # Errors
    /// A refusal for the package's author.
    fn inspect(
        &self,
        bytes: &mut dyn ReadSeek,
        artifact: &Artifact,
        offer: &Offer,
    ) -> Result<Manifest, Refusal>;

    /// Names and versions that must be accepted, refused, and ordered; the suite runs on them.
    fn samples(&self) -> Samples;
}

/// Whether the spelling of a package's name matters to a format, beyond how names are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Spellings that are compared as one name are one name.
    Free,
    /// The spelling of the first publish is the package's; any other is refused.
    Kept,
}

/// What a format gives its suite to work on.
#[derive(Debug, Clone, Copy)]
pub struct Samples {
    /// Names the format accepts.
    pub names: &'static [&'static str],
    /// Names it refuses.
    pub bad_names: &'static [&'static str],
    /// Groups of spellings that are the same package.
    pub same_names: &'static [&'static [&'static str]],
    /// Versions in ascending order, each strictly older than the next.
    pub versions: &'static [&'static str],
    /// Versions it refuses.
    pub bad_versions: &'static [&'static str],
}
