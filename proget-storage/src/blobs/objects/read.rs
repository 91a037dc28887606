//! Reading: one request for the blob or its part; its body is passed on as it comes.

use super::ObjectBlobs;
use super::patience::{CONTROL, SILENCE, failed_remote, silent, within};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{Error, GetOptions};
use proget_core::blob::{Blob, BlobKey, ByteStream, StoreError, StoreErrorKind};
use std::ops::Range;
use tokio::time::timeout;

impl ObjectBlobs {
    pub(super) async fn read(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let doing = format!("reading blob {key}");
        if let Some(range) = range.clone().filter(Range::is_empty) {
            // No request can ask for nothing.
            let size = self.whole(key, &range).await?;
            return Ok(Blob { size, range, body: stream::empty().boxed() });
        }
        let options = GetOptions::new().with_range(range.clone());
        let found =
            match within(CONTROL, &doing, self.bulk().get_opts(&self.names().blob(&key), options)).await? {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => {
                    self.check_presence(&doing).await?;
                    return Err(StoreError::new(StoreErrorKind::NotFound, doing));
                }
                Err(error) => {
                    if let Some(range) = &range {
                        // Servers refuse a part that is outside in many ways.
                        self.whole(key, range).await?;
                    }
                    return Err(failed_remote(doing, error));
                }
            };
        let (size, sent) = (found.meta.size, found.range.clone());
        if range.as_ref().is_some_and(|range| *range != sent) || sent.end > size {
            return Err(outside(key, &range.unwrap_or(sent), size));
        }
        Ok(Blob { size, body: exactly(doing, found.into_stream(), sent.end - sent.start), range: sent })
    }

    /// The size of the whole, in which that part must lie.
    async fn whole(&self, key: BlobKey, part: &Range<u64>) -> Result<u64, StoreError> {
        let size = self.length(&key).await?;
        let size =
            size.ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, format!("reading blob {key}")))?;
        if part.start <= part.end && part.end <= size { Ok(size) } else { Err(outside(key, part, size)) }
    }
}

/// The caller knows the size from the catalogue, so a part outside means that bytes are missing.
fn outside(key: BlobKey, part: &Range<u64>, size: u64) -> StoreError {
    let doing = format!("reading bytes {} to {} of blob {key}, which has {size}", part.start, part.end);
    StoreError::new(StoreErrorKind::Corrupt, doing)
}

/// The body, which must have so many bytes and not be silent for too long. After an error it ends.
fn exactly(doing: String, body: BoxStream<'static, Result<Bytes, Error>>, length: u64) -> ByteStream {
    stream::try_unfold((body, length), move |(mut body, left)| {
        let doing = doing.clone();
        async move {
            let next = timeout(SILENCE, body.try_next()).await.map_err(|_| silent(&doing, SILENCE))?;
            let Some(bytes) = next.map_err(|error| failed_remote(&doing, error))? else {
                let early = || format!("the body ended {left} bytes early");
                let missing = || StoreError::new(StoreErrorKind::Unavailable, doing).because(early());
                return if left == 0 { Ok(None) } else { Err(missing()) };
            };
            let Some(left) = left.checked_sub(bytes.len() as u64) else {
                let why = "the body has more bytes than were asked for";
                return Err(StoreError::new(StoreErrorKind::Corrupt, doing).because(why));
            };
            Ok(Some((bytes, (body, left))))
        }
    })
    .boxed()
}
