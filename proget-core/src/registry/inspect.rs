//! Step 3 of publishing: looking into the artifact, away from the runtime, because archives are opened.
//!
//! A format can only refuse, and a refusal is told to the package's author. But the bytes may lie on
//! a disk that fails while they are read; then nothing is wrong with the package. So the reading is
//! watched, and a failed read counts for more than what the format made of it.

use super::Registry;
use super::runtime::offloaded;
use crate::artifact::{Artifact, ReadSeek};
use crate::blob::{StoreError, StoreErrorKind};
use crate::format::FeedFormat;
use crate::package::{Manifest, Offer};
use crate::problem::Problem;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

impl Registry {
    pub(super) async fn inspect(
        &self,
        format: &'static dyn FeedFormat,
        artifact: &Artifact,
        offer: Offer,
    ) -> Result<Manifest, Problem> {
        let artifact = artifact.clone();
        let inspected = offloaded(&*self.runtime, move || look(format, &artifact, &offer));
        // None only if the inspection panicked, which formats promise not to do.
        inspected.await.unwrap_or_else(|| {
            let doing = "inspecting an upload";
            Err(Problem::internal(doing, &io::Error::other("the inspection did not come to an end")))
        })
    }
}

fn look(format: &dyn FeedFormat, artifact: &Artifact, offer: &Offer) -> Result<Manifest, Problem> {
    let broken = |cause: io::Error| {
        let doing = "reading a received upload for inspection";
        Problem::from(StoreError::new(StoreErrorKind::Other, doing).because(cause))
    };
    let mut watched = Watched { bytes: artifact.open().map_err(broken)?, failed: None };
    let outcome = format.inspect(&mut watched, artifact, offer);
    match watched.failed {
        Some(cause) => Err(broken(cause)),
        None => Ok(outcome?),
    }
}

/// Remembers the first read that failed.
struct Watched {
    bytes: Box<dyn ReadSeek + Send>,
    failed: Option<io::Error>,
}

impl Watched {
    /// Keeps the error and hands on another of its kind, since errors cannot be copied.
    fn watch<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| match error.kind() {
            // The first is no failure; the second is asked for by whoever reads past the end.
            ErrorKind::Interrupted | ErrorKind::InvalidInput => error,
            kind => {
                let handed_on = io::Error::new(kind, error.to_string());
                self.failed.get_or_insert(error);
                handed_on
            }
        })
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.bytes.read(buffer);
        self.watch(outcome)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let outcome = self.bytes.seek(to);
        self.watch(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;
    use crate::artifact::ArtifactSource;
    use crate::digest::{DigestSet, Digests};
    use crate::feed::FormatId;
    use crate::format::Samples;
    use crate::package::{PackageName, Version};
    use std::cmp::Ordering;
    use std::sync::Arc;

    /// Bytes on a disk that fails, or that ends early.
    #[derive(Debug, Clone, Copy)]
    struct Disk(Option<ErrorKind>);

    impl Read for Disk {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.map_or(Ok(0), |kind| Err(kind.into()))
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }

    impl ArtifactSource for Disk {
        fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
            Ok(Box::new(*self))
        }
    }

    /// Blames the author for whatever it cannot read.
    #[derive(Debug)]
    struct Blaming;

    impl FeedFormat for Blaming {
        fn id(&self) -> FormatId {
            FormatId::from_static("blaming")
        }
        fn purl_type(&self) -> &'static str {
            "generic"
        }
        fn title(&self) -> &'static str {
            "blaming"
        }
        fn name(&self, _: &str) -> Result<PackageName, Refusal> {
            Err(Refusal::new("name", "is never right"))
        }
        fn version(&self, _: &str) -> Result<Version, Refusal> {
            Err(Refusal::new("version", "is never right"))
        }
        fn compare(&self, _: &str, _: &str) -> Result<Ordering, Refusal> {
            Ok(Ordering::Equal)
        }
        fn inspect(&self, bytes: &mut dyn ReadSeek, _: &Artifact, _: &Offer) -> Result<Manifest, Refusal> {
            let read = bytes.read_exact(&mut [0; 9]);
            Err(Refusal::new("archive", format!("is damaged: {read:?}")))
        }
        fn samples(&self) -> Samples {
            Samples { names: &[], bad_names: &[], same_names: &[], versions: &[], bad_versions: &[] }
        }
    }

    #[test]
    fn a_failing_disk_is_not_told_to_the_author_of_the_package() {
        let inspected = |disk: Disk| {
            let artifact = Artifact::new(Digests::of(b"", DigestSet::default()), 9, Arc::new(disk));
            look(&Blaming, &artifact, &Offer::default()).unwrap_err()
        };
        let failing = inspected(Disk(Some(ErrorKind::Other)));
        assert!(matches!(failing, Problem::Internal { .. }), "{failing:?}");
        let short = inspected(Disk(None));
        assert!(matches!(short, Problem::Refused(_)), "what merely ends early is the author's: {short:?}");
    }
}
