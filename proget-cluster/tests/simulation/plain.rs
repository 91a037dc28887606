//! The plainest format there is, and the few packages that are played with. A version's bytes are always the
//! same, so whoever publishes it again after it was removed meets the blob that a sweep is about to take.

use proget_core::Refusal;
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{
    FileName, FileRef, Fragment, Manifest, Offer, OrderKey, PackageName, Stability, Version, VersionKey,
};
use std::cmp::Ordering;
use std::fmt;

pub(crate) const NAMES: u64 = 3;
pub(crate) const VERSIONS: u64 = 4;

/// One version of one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) name: u64,
    pub(crate) version: u64,
}

impl Cell {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..NAMES).flat_map(|name| (0..VERSIONS).map(move |version| Self { name, version }))
    }

    /// The cell of these keys.
    pub(crate) fn of(package: &str, version: &str) -> Self {
        let name = package.strip_prefix('p').and_then(|number| number.parse().ok());
        Self { name: name.unwrap(), version: version.parse().unwrap() }
    }

    pub(crate) fn package(self) -> PackageName {
        let name = format!("p{}", self.name);
        PackageName::new(name.clone(), name)
    }

    pub(crate) fn version(self) -> Version {
        let number = self.version.to_string();
        let order = OrderKey(self.version.to_be_bytes().to_vec());
        Version::new(number.clone(), number, order, Stability::Stable)
    }

    pub(crate) fn key(self) -> VersionKey {
        self.version().key().clone()
    }

    pub(crate) fn file(self) -> FileRef {
        FileRef { package: self.package().key().clone(), file: FileName::new(format!("{self}.txt")).unwrap() }
    }

    pub(crate) fn bytes(self) -> String {
        format!("{} {} and what is in it", self.name, self.version)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}-{}", self.name, self.version)
    }
}

#[derive(Debug)]
pub(crate) struct Plain;

impl FeedFormat for Plain {
    fn id(&self) -> FormatId {
        FormatId::new("plain").unwrap()
    }

    fn purl_type(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "plain"
    }

    fn name(&self, raw: &str) -> Result<PackageName, Refusal> {
        Ok(PackageName::new(raw, raw))
    }

    fn version(&self, raw: &str) -> Result<Version, Refusal> {
        let version = raw.parse().map_err(|_| Refusal::new("version", "must be a number"))?;
        Ok(Cell { name: 0, version }.version())
    }

    fn compare(&self, left: &str, right: &str) -> Result<Ordering, Refusal> {
        Ok(self.version(left)?.order().cmp(self.version(right)?.order()))
    }

    fn inspect(&self, bytes: &mut dyn ReadSeek, _: &Artifact, _: &Offer) -> Result<Manifest, Refusal> {
        let mut text = String::new();
        bytes.read_to_string(&mut text).map_err(|_| Refusal::new("package", "must be text"))?;
        let mut words = text.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(name)), Some(Ok(version))) = (words.next(), words.next()) else {
            return Err(Refusal::new("package", "must begin with name and version"));
        };
        let cell = Cell { name, version };
        Ok(Manifest {
            name: cell.package(),
            version: cell.version(),
            file: cell.file().file,
            version_fragment: Fragment(text.into()),
            file_fragment: Fragment::default(),
            detail: Fragment::default(),
            file_detail: Fragment::default(),
            summary: String::new(),
            keywords: Vec::new(),
            tags: Vec::new(),
        })
    }

    fn samples(&self) -> Samples {
        Samples {
            names: &["p1"],
            bad_names: &[],
            same_names: &[],
            versions: &["1", "2"],
            bad_versions: &["x"],
        }
    }
}
