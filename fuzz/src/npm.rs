//! npm's publish document.
//!
//! However it is cut into pieces, it is split alike, and as a parser of the whole would do it; an
//! offer that is made of it holds a version object with the name and version that are offered.

use super::Verdict;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_core::Refusal;
use proget_feeds::npm::document::PutDocument;
use proget_feeds::npm::{Split, Splitter};
use serde_json::Value;

/// Pieces of the lengths that the first byte gives; the rest is the document.
pub(super) fn document(data: &[u8]) -> Verdict {
    let Some((length, document)) = data.split_first() else { return Verdict::Refused };
    let whole = split(document, document.len().max(1));
    let pieces = split(document, usize::from(*length).max(1));
    let (Ok((split, bytes)), Ok((again, same))) = (&whole, &pieces) else {
        assert_eq!(whole.as_ref().err(), pieces.as_ref().err());
        return Verdict::Refused;
    };
    assert_eq!((&split.metadata, split.attachment, bytes), (&again.metadata, again.attachment, same));
    as_a_parser_of_the_whole(document, split, bytes);
    let Ok(put) = PutDocument::parse(&split.metadata, "a", split.attachment) else { return Verdict::Refused };
    if let PutDocument::Publish(publish) = put {
        let offer = publish.offer;
        let object: Value =
            serde_json::from_slice(&offer.document.expect("a version object")).expect("is JSON");
        assert_eq!(object["name"].as_str(), offer.name.as_deref());
        assert_eq!(object["version"].as_str(), offer.version.as_deref());
    }
    Verdict::Accepted
}

fn split(document: &[u8], length: usize) -> Result<(Split, Vec<u8>), Refusal> {
    let (mut splitter, mut out) = (Splitter::default(), Vec::new());
    document.chunks(length).try_for_each(|piece| splitter.push(piece, &mut out))?;
    Ok((splitter.finish()?, out))
}

/// Takes the data out of the parsed document, and compares.
fn as_a_parser_of_the_whole(document: &[u8], split: &Split, bytes: &[u8]) {
    let (whole, rest) = (serde_json::from_slice(document), serde_json::from_slice::<Value>(&split.metadata));
    let Ok::<Value, _>(mut whole) = whole else {
        // What was no JSON may have been so only within the data, which is gone.
        assert!(rest.is_err() || split.attachment, "no JSON, but its metadata is");
        return;
    };
    let rest = rest.expect("the metadata of JSON is JSON");
    let attachments = whole.get_mut("_attachments").and_then(Value::as_object_mut);
    for data in attachments.into_iter().flat_map(|all| all.values_mut()).filter_map(|one| one.get_mut("data"))
    {
        if let Value::String(text) = data {
            assert_eq!(STANDARD.decode(text.as_str()).ok().as_deref(), Some(bytes));
            text.clear();
        }
    }
    assert_eq!(whole, rest);
}
