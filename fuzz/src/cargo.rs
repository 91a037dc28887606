//! Cargo's texts: the body of a publish, its document, and `Cargo.toml`.
//!
//! However a body is cut into pieces, it is taken apart alike, and what comes out is what was put in.

use super::Verdict;
use bytes::Bytes;
use proget_core::Refusal;
use proget_feeds::cargo::frame::Frame;
use proget_feeds::cargo::{manifest_file, publish_document};

/// Pieces of the length that the first byte gives; the rest is the body.
pub(super) fn frame(data: &[u8]) -> Verdict {
    let Some((length, body)) = data.split_first() else { return Verdict::Refused };
    let whole = taken_apart(body, body.len().max(1));
    let pieces = taken_apart(body, usize::from(*length).max(1));
    assert_eq!(whole.is_ok(), pieces.is_ok(), "{whole:?} and {pieces:?}");
    let (Ok(whole), Ok(pieces)) = (whole, pieces) else { return Verdict::Refused };
    assert_eq!(whole, pieces);
    let (document, content) = whole;
    let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    assert_eq!([&length(&document), &document[..], &length(&content), &content].concat(), body);
    Verdict::Accepted
}

fn taken_apart(body: &[u8], length: usize) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let (mut frame, mut content) = (Frame::default(), Vec::new());
    for piece in body.chunks(length) {
        content.extend_from_slice(&frame.push(Bytes::copy_from_slice(piece))?);
        assert!(content.is_empty() || frame.document().is_some(), "bytes of a crate before its document");
    }
    Ok((frame.finish()?, content))
}

pub(super) fn publish_document(data: &[u8]) -> Verdict {
    verdict(publish_document::parse(data))
}

pub(super) fn manifest_file(data: &[u8]) -> Verdict {
    verdict(manifest_file::parse(data))
}

fn verdict<T>(parsed: Result<T, Refusal>) -> Verdict {
    let Err(refusal) = parsed else { return Verdict::Accepted };
    assert!(!refusal.field.is_empty() && !refusal.rule.is_empty(), "{refusal:?}");
    Verdict::Refused
}
