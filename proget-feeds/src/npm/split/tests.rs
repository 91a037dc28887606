//! Publish documents cut into pieces anywhere, and documents that are not what they should be.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Splits a document that arrives in pieces of the given lengths, over and over.
fn split(document: &[u8], pieces: &[usize]) -> Result<(Value, Option<Vec<u8>>), Refusal> {
    let (mut splitter, mut out, mut rest) = (Splitter::default(), Vec::new(), document);
    for length in pieces.iter().cycle() {
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        splitter.push(piece, &mut out)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let split = splitter.finish()?;
    let metadata = serde_json::from_slice(&split.metadata)
        .map_err(|error| Refusal::new("publish document", error.to_string()))?;
    Ok((metadata, split.attachment.then_some(out)))
}

fn at_once(document: &str) -> Result<(Value, Option<Vec<u8>>), Refusal> {
    split(document.as_bytes(), &[document.len().max(1)])
}

/// What a parser that holds everything makes of the document.
fn reference(document: &[u8]) -> (Value, Option<Vec<u8>>) {
    let mut value: Value = serde_json::from_slice(document).unwrap();
    let mut bytes = None;
    if let Some(attachments) = value.get_mut("_attachments").and_then(Value::as_object_mut) {
        for attachment in attachments.values_mut() {
            if let Some(data @ Value::String(_)) = attachment.get_mut("data") {
                bytes = Some(STANDARD.decode(data.as_str().unwrap()).unwrap());
                *data = json!("");
            }
        }
    }
    (value, bytes)
}

#[test]
fn an_attachment_may_come_before_or_after_the_rest() {
    let data = STANDARD.encode(b"tarball");
    for document in [
        format!(r#"{{"name":"a","_attachments":{{"a.tgz":{{"length":7,"data":"{data}"}}}},"_id":"a"}}"#),
        format!(
            r#"{{"_attachments" : {{"a.tgz":{{ "data" : "{data}" ,"length":7}} }} , "name":"a","_id":"a"}}"#
        ),
    ] {
        let (metadata, bytes) = at_once(&document).unwrap();
        assert_eq!(bytes.as_deref(), Some(&b"tarball"[..]));
        assert_eq!(
            (metadata["name"].as_str(), metadata["_attachments"]["a.tgz"]["data"].as_str()),
            (Some("a"), Some(""))
        );
    }
}

#[test]
fn escapes_in_names_and_data_mean_what_json_says() {
    let document = r#"{"_attachments":{"a\"b":{"d\u0061ta":"\/\u002b8="}}}"#;
    let (_, bytes) = at_once(document).unwrap();
    assert_eq!(bytes.unwrap(), STANDARD.decode("/+8=").unwrap());
}

#[test]
fn members_of_that_name_elsewhere_are_left_alone() {
    for document in [
        r#"{"data":"AAAA","versions":{"1.0.0":{"data":"AAAA","_attachments":{"x":{"data":"AAAA"}}}}}"#,
        r#"{"_attachments":{"x":{"y":{"data":"AAAA"},"z":["data","AAAA"]}}}"#,
        r#"{"_attachments":[{"data":"AAAA"}],"x":"_attachments","readme":"{\"_attachments\":{\"a\":{\"data\":\"AAAA"}"#,
        r#"{"_attachments":{"a":{"data":{"data":"AAAA"}}}}"#,
    ] {
        let (metadata, bytes) = at_once(document).unwrap();
        assert_eq!((metadata, bytes), (serde_json::from_str(document).unwrap(), None), "{document}");
    }
}

#[test]
fn bad_base64_is_refused_with_its_position() {
    let filler = "AAAA".repeat(1000);
    for (data, position) in [
        (format!("{filler}A*AA"), "4001"),
        (format!("{filler}AA=A"), "400"),
        (format!("{filler}AA==AAAA"), "400"),
        (format!("{filler}AA"), "4000"),
        (format!("{filler}A\\nAA"), "4001"),
        (format!("{filler}A\\u20acAA"), "4001"),
        (format!("{filler}é"), "4000"),
    ] {
        let document = format!(r#"{{"_attachments":{{"a":{{"data":"{data}"}}}}}}"#);
        for pieces in [&[usize::MAX][..], &[1], &[3, 5]] {
            let refusal = split(document.as_bytes(), pieces).unwrap_err();
            assert_eq!(refusal.field, "_attachments.data");
            assert!(refusal.rule.contains(position), "{data}: {refusal}");
        }
    }
}

#[test]
fn a_second_attachment_is_refused() {
    let twice = r#"{"_attachments":{"a":{"data":"AAAA"},"b":{"data":"AAAA"}}}"#;
    let again = r#"{"_attachments":{"a":{"data":"AAAA","data":"AAAA"}}}"#;
    let apart = r#"{"_attachments":{"a":{"data":"AAAA"}},"_attachments":{"b":{"data":"AAAA"}}}"#;
    for document in [twice, again, apart] {
        assert!(at_once(document).unwrap_err().rule.contains("one tarball"), "{document}");
    }
}

#[test]
fn limits_hold_and_half_a_document_is_refused() {
    let mut splitter = Splitter::with_limit(100);
    let long = format!(r#"{{"readme":"{}"#, "x".repeat(200));
    assert!(splitter.push(long.as_bytes(), &mut Vec::new()).unwrap_err().rule.contains("at most 100 bytes"));
    assert!(at_once(&"[".repeat(65)).unwrap_err().rule.contains("nested"));
    for half in ["{", r#"{"a":"b"#, r#"{"_attachments":{"a":{"data":"AAAA"#, r#"{"a"#] {
        assert!(at_once(half).unwrap_err().rule.contains("before it is complete"), "{half}");
    }
}

#[test]
fn memory_stays_small_however_long_the_attachment_is() {
    let (mut splitter, mut out) = (Splitter::with_limit(200), Vec::new());
    splitter.push(br#"{"_attachments":{"a":{"data":""#, &mut out).unwrap();
    let (piece, mut total) = (vec![b'A'; 64 << 10], 0);
    for _ in 0..512 {
        out.clear();
        splitter.push(&piece, &mut out).unwrap();
        total += out.len();
    }
    splitter.push(br#""}}}"#, &mut out).unwrap();
    assert_eq!(total, 512 * (48 << 10));
    assert!(out.capacity() <= 128 << 10 && splitter.metadata.capacity() <= 256);
    assert!(splitter.finish().unwrap().attachment);
}

fn any_json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\"\\\\{}:,é\n]{0,6}".prop_map(Value::from),
        Just(json!("data")),
        Just(json!("_attachments")),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        let key = prop_oneof!["data", "_attachments", "[a-c\"\\\\]{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_cutting_gives_what_a_parser_of_the_whole_gives(
        before in any_json(3), after in any_json(3), inside in any_json(2), pretty in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..200), pieces in prop::collection::vec(1_usize..40, 1..6),
    ) {
        let attachment = json!({"x": inside, "data": STANDARD.encode(&bytes), "length": bytes.len()});
        let document = json!({"versions": before, "_attachments": {"a-1.0.0.tgz": attachment}, "readme": after});
        let text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.unwrap();
        let text = String::from_utf8(text).unwrap().replace('/', "\\/");
        prop_assert_eq!(split(text.as_bytes(), &pieces).unwrap(), reference(text.as_bytes()));
    }

    #[test]
    fn any_bytes_in_any_pieces_are_split_or_refused_alike(
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), prop::sample::select(&b"{}[]\":,\\AB=/u0d \n"[..]),
        ], 0..300),
        valid_start in any::<bool>(), pieces in prop::collection::vec(1_usize..9, 1..5),
    ) {
        let mut document = if valid_start { br#"{"_attachments":{"a":{"data":"#.to_vec() } else { Vec::new() };
        document.extend(bytes);
        let whole = split(&document, &[document.len().max(1)]);
        prop_assert_eq!(split(&document, &pieces), whole);
    }
}
