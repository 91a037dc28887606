//! How long is waited for a bucket, and its errors in the words of the seam.

use object_store::Error;
use proget_core::blob::{StoreError, StoreErrorKind};
use std::error::Error as StdError;
use std::time::Duration;
use tokio::time::timeout;

/// For a question or a small write, with the client's own attempts.
pub(super) const CONTROL: Duration = Duration::from_secs(20);
/// For one part of a large blob, or a small one as a whole: 8 MiB over a slow line.
pub(super) const PART: Duration = Duration::from_secs(120);
/// For making one object of many parts, which some servers do by copying.
pub(super) const COMPLETE: Duration = Duration::from_secs(300);
/// Between two pieces of a body that is read.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// A server may answer a failure with a page of HTML.
const LONGEST: usize = 600;

/// What the bucket answers within the limit.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &str,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<Result<T, Error>, StoreError> {
    timeout(limit, answer).await.map_err(|_| silent(doing, limit))
}

pub(super) fn silent(doing: &str, limit: Duration) -> StoreError {
    let why = format!("no answer within {} s", limit.as_secs());
    StoreError::new(StoreErrorKind::Unavailable, doing).because(why)
}

/// A failed request. What is missing has been dealt with before, so here it means the bucket.
///
/// A server that answers nonsense is mostly one that will answer better later, so whatever has no
/// kind of its own counts as unavailable.
pub(super) fn failed_remote(doing: impl Into<String>, cause: Error) -> StoreError {
    let kind = match &cause {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreErrorKind::Denied,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => StoreErrorKind::Unsupported,
        Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. }
        | Error::AlreadyExists { .. }
        | Error::Precondition { .. } => StoreErrorKind::Other,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, doing).because(in_a_line(&cause))
}

/// What the library tells, on one line and once: each of its errors repeats what its cause says, which a chain
/// of causes would say again. Only the last cause, the system's, is said by none of the others.
fn in_a_line(error: &(dyn StdError + 'static)) -> String {
    let mut told = error.to_string();
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let last = last.to_string();
    if !told.contains(&last) {
        told = format!("{told}: {last}");
    }
    let mut line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("asking the server\n failed: {0}")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_cause_is_told_on_one_line_and_once() {
        let generic = |source: std::io::Error| Error::Generic { store: "S3", source: Outer(source).into() };
        let told = in_a_line(&generic(std::io::Error::other("refused")));
        assert_eq!(told, "Generic S3 error: asking the server failed: refused");
        let told = in_a_line(&generic(std::io::Error::other("é".repeat(2000))));
        assert_eq!(told.chars().count(), LONGEST + 1);
    }
}
