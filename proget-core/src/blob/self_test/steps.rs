//! What is tried, one property each.

use super::report::Complaint;
use super::sample::Sample;
use crate::artifact::Artifact;
use crate::blob::{BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::digest::{DigestSet, Sha256};
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use std::ops::Range;
use std::time::Duration;

/// As many as may publish one file in the same moment.
const RIVALS: usize = 16;
/// A list that takes longer is believed.
const LISTING: Duration = Duration::from_secs(60);

type Told = Result<String, Complaint>;

/// Two ways to one store, and a clock.
pub(super) struct Ways<'t> {
    pub(super) store: &'t dyn BlobStore,
    pub(super) again: &'t dyn BlobStore,
    pub(super) clock: &'t dyn Clock,
}

fn untrue(told: &str) -> Complaint {
    Complaint::Untrue(told.to_owned())
}

async fn read(
    store: &dyn BlobStore,
    key: &BlobKey,
    range: Option<Range<u64>>,
) -> Result<Vec<u8>, StoreError> {
    let mut body = store.get(key, range).await?.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Ways<'_> {
    async fn timed<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<(T, Duration), StoreError> {
        let begun = self.clock.tick();
        let done = work.await?;
        Ok((done, self.clock.tick().duration_since(begun)))
    }

    pub(super) async fn writes(&self, sample: &Sample) -> Told {
        let (put, took) = self.timed(self.store.put(&sample.key, &sample.artifact)).await?;
        match put {
            Put::Stored => Ok(format!("{} bytes in {took:.1?}", sample.bytes.len())),
            Put::AlreadyThere => Err(untrue("it says a file is there that nobody has written")),
        }
    }

    pub(super) async fn reads(&self, sample: &Sample) -> Told {
        let (bytes, took) = self.timed(read(self.store, &sample.key, None)).await?;
        if bytes != sample.bytes {
            return Err(untrue("other bytes come back than were written"));
        }
        Ok(format!("the same bytes in {took:.1?}"))
    }

    pub(super) async fn reads_parts(&self, sample: &Sample) -> Told {
        let size = sample.artifact.size();
        for (start, end) in [(0, 1), (4095, 4097), (size - 1, size)] {
            let part = read(self.store, &sample.key, Some(start..end)).await?;
            let wanted = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            if wanted.is_none_or(|(start, end)| sample.bytes.get(start..end) != Some(&part[..])) {
                return Err(untrue("other bytes come back than those that were asked for"));
            }
        }
        Ok("the first byte, the last one, and some between".to_owned())
    }

    pub(super) async fn shows_elsewhere(&self, sample: &Sample) -> Told {
        let found = self.again.head(&sample.key).await?;
        if found != Some(sample.artifact.size()) {
            return Err(untrue("who opened the store by itself does not see what was just written"));
        }
        if read(self.again, &sample.key, None).await? != sample.bytes {
            return Err(untrue("who opened the store by itself reads other bytes"));
        }
        Ok("by a second connection of this machine; servers look for each other's files all the time"
            .to_owned())
    }

    pub(super) async fn keeps_what_is_there(&self, sample: &Sample) -> Told {
        match self.again.put(&sample.key, &sample.artifact).await? {
            Put::AlreadyThere => Ok("it is known to be there".to_owned()),
            Put::Stored => Err(untrue("it was written a second time, over itself")),
        }
    }

    pub(super) async fn refuses_other_bytes(&self, sample: &Sample) -> Told {
        let other = Artifact::in_memory("something else", DigestSet::default());
        match self.store.put(&sample.key, &other).await {
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(untrue("other bytes are taken under the name of a file that is there")),
        }
        if read(self.store, &sample.key, None).await? != sample.bytes {
            return Err(untrue("a file changed that was to be left alone"));
        }
        Ok("refused, and nothing changed".to_owned())
    }

    pub(super) async fn lets_nobody_lose(&self, sample: &Sample) -> Told {
        let ways = [self.store, self.again];
        let writers = (0..RIVALS).map(|rival| ways[rival % 2].put(&sample.key, &sample.artifact));
        let mut wrote = 0;
        for put in join_all(writers).await {
            wrote += usize::from(put? == Put::Stored);
        }
        if read(self.again, &sample.key, None).await? != sample.bytes {
            return Err(untrue("after many wrote the same file at once it has other bytes"));
        }
        match wrote {
            0 => Err(untrue("many wrote the same file at once, and none of them did")),
            1 => Ok(format!("of {RIVALS} one wrote, and the others found it there")),
            _ => Err(Complaint::Fallback(format!(
                "of {RIVALS} who wrote the same file at once {wrote} wrote it: it does not honour 'only if nothing is \
                 there'. Nothing is lost, since it is always the same bytes"
            ))),
        }
    }

    pub(super) async fn says_what_is_absent(&self) -> Told {
        let key = BlobKey::fresh(Sha256::of(b"nothing"));
        if self.store.head(&key).await?.is_some() {
            return Err(untrue("it says a file is there that nobody has written"));
        }
        match self.store.get(&key, None).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                Ok("nothing is there, and nothing failed".to_owned())
            }
            Err(error) => Err(error.into()),
            Ok(_) => Err(untrue("it gives a file that nobody has written")),
        }
    }

    pub(super) async fn lists(&self, sample: &Sample) -> Told {
        let begun = self.clock.tick();
        let (mut list, mut count) = (self.again.list(), 0_u64);
        while let Some(head) = list.next().await {
            let head = head?;
            count += 1;
            if head.key == sample.key {
                return if head.size == sample.artifact.size() {
                    Ok(format!("found as number {count}"))
                } else {
                    Err(untrue("the list tells another size than the file has"))
                };
            }
            if self.clock.tick().duration_since(begun) > LISTING {
                let told = format!("among {count} files it was not met within {} s", LISTING.as_secs());
                return Err(Complaint::Fallback(told));
            }
        }
        Err(untrue("what was written is not in the list"))
    }

    pub(super) async fn carries(&self, sample: &Sample) -> Told {
        let (_, write) = self.timed(self.store.put(&sample.key, &sample.artifact)).await?;
        let (bytes, took) = self.timed(read(self.again, &sample.key, None)).await?;
        if bytes != sample.bytes {
            return Err(untrue("other bytes come back than were written"));
        }
        let mib = f64::from(u32::try_from(sample.bytes.len() >> 20).unwrap_or(u32::MAX));
        let pace = |took: Duration| mib / took.as_secs_f64().max(1e-9);
        Ok(format!("{mib} MiB written with {:.0} MiB/s and read with {:.0} MiB/s", pace(write), pace(took)))
    }

    pub(super) async fn deletes(&self, samples: &[Sample]) -> Told {
        for sample in samples {
            self.store.delete(&sample.key).await?;
            if self.again.head(&sample.key).await?.is_some() {
                return Err(untrue("what was deleted is still there"));
            }
            // As a sweep does that was interrupted.
            self.again.delete(&sample.key).await?;
        }
        Ok("gone everywhere, and a second time is no mistake".to_owned())
    }

    pub(super) fn is_durable(&self) -> Told {
        if self.store.abilities().durable {
            Ok("what was written has been forced out when it is acknowledged".to_owned())
        } else {
            Err(untrue("it lies in memory: what is acknowledged is gone with the power"))
        }
    }

    pub(super) fn is_shared(&self) -> Told {
        if self.store.abilities().shared {
            Ok("it is no disk of this machine".to_owned())
        } else {
            Err(Complaint::Alone("it is a disk of this machine, as far as its kernel knows".to_owned()))
        }
    }
}
