//! Request bodies: as a stream whose errors mean something, or whole if they are small.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use poem::Request;
use poem::http::header;
use proget_core::blob::{ByteStream, StoreError, StoreErrorKind};
use proget_core::{Problem, Refusal};
use std::io;

/// The body as a stream for staging. The kind of an error says what to answer.
///
/// # Errors
/// A refusal if the body is compressed: sizes and digests are of what was sent.
pub fn body(request: &mut Request) -> Result<ByteStream, Problem> {
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Refusal::new("content-encoding", "must not be used on this request").into());
    }
    Ok(raw(request))
}

/// A small body, whole.
///
/// # Errors
/// `TooLarge` beyond `limit` bytes; as [`body`].
pub async fn small(request: &mut Request, limit: usize) -> Result<Bytes, Problem> {
    let mut stream = body(request)?;
    let mut all = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
        if all.len() > limit {
            return Err(Problem::TooLarge(Some(limit as u64)));
        }
    }
    Ok(all.freeze())
}

/// Reads a body that nothing is done with, so that the connection can be used again.
///
/// # Errors
/// `TooLarge` beyond `limit` bytes; whatever the sender does.
pub async fn ignore(request: &mut Request, limit: u64) -> Result<(), Problem> {
    let (mut stream, mut seen) = (raw(request), 0);
    while let Some(chunk) = stream.next().await {
        seen += chunk?.len() as u64;
        if seen > limit {
            return Err(Problem::TooLarge(Some(limit)));
        }
    }
    Ok(())
}

fn raw(request: &mut Request) -> ByteStream {
    let stream = request.take_body().into_bytes_stream();
    stream.map_err(|error| StoreError::new(kind(&error), "receiving a request's body").because(error)).boxed()
}

/// The server's guard on bodies speaks in these kinds; everything else is a client that left.
fn kind(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        io::ErrorKind::FileTooLarge => StoreErrorKind::TooLarge,
        io::ErrorKind::TimedOut => StoreErrorKind::Stalled,
        _ => StoreErrorKind::Interrupted,
    }
}
