//! What is not taken, who may not, and that nothing is left.

use super::sample::{BOUNDARY, fields, form, multipart, send, wheel};
use crate::bench::{Answer, Bench, Caller};
use poem::http::{Method, header};

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Sends a form that differs from a good one in one field, and wants it refused with a text.
async fn refused(field: &str, value: &str, part: &str) {
    let bench = Bench::new(super::PYPI).await;
    let (file, bytes) = wheel("tool", "1.0", "Requires-Python: >=3.8\n");
    let mut sent = fields("tool", "1.0", &file, &bytes);
    sent.retain(|(name, _)| name != field);
    sent.push((field.to_owned(), value.to_owned()));
    let answer = send(&bench, Caller::Publisher, form(&sent, Some((&file, &bytes)))).await.expect(400);
    assert!(text(&answer).contains(part), "{field}={value}: {}", text(&answer));
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    bench.get(Caller::Reader, "simple/tool/").await.expect(404);
    assert_eq!(bench.staging.waiting(), 0);
}

#[tokio::test]
async fn a_form_that_disagrees_with_its_file_is_refused_with_both_values() {
    refused("name", "other", "'other' in the form, but 'tool' in the file").await;
    refused("version", "1.1", "'1.1' in the form, but '1.0' in the file").await;
    refused("filetype", "sdist", "'sdist' in the form, but 'bdist_wheel'").await;
    refused("metadata_version", "2.4", "'2.4' in the form, but '2.1'").await;
    refused("requires_python", ">=3.9", "'>=3.9' in the form, but '>=3.8'").await;
    refused("requires_python", "nonsense", "nonsense").await;
    refused("version", "latest", "latest").await;
    refused(":action", "", ":action").await;
    refused("protocol_version", "2", "protocol_version").await;
    refused("attestations", "[]", "attestations").await;
}

#[tokio::test]
async fn wrong_digests_are_refused_by_name() {
    for (field, digits) in [("md5_digest", 32), ("sha256_digest", 64), ("blake2_256_digest", 64)] {
        refused(field, &"0".repeat(digits), field).await;
        refused(field, "abc", field).await;
    }
}

#[tokio::test]
async fn other_actions_are_405_because_clients_repeat_what_fails_with_5xx() {
    let bench = Bench::new(super::PYPI).await;
    for action in ["submit", "doc_upload", "verify", "remove_pkg"] {
        let sent = [(":action".to_owned(), action.to_owned()), ("name".to_owned(), "tool".to_owned())];
        send(&bench, Caller::Publisher, form(&sent, None)).await.expect(405);
    }
    bench.delete(Caller::Admin, "simple/tool/").await.expect(405);
    bench.put(Caller::Admin, "packages/tool/x.whl", &serde_json::json!({})).await.expect(405);
}

#[tokio::test]
async fn bodies_that_are_no_forms_are_refused() {
    let bench = Bench::new(super::PYPI).await;
    let (file, bytes) = wheel("tool", "1.0", "");
    let sent = fields("tool", "1.0", &file, &bytes);
    let good = form(&sent, Some((&file, &bytes)));
    let twice = [form(&sent, Some((&file, &bytes))), form(&[], Some((&file, &bytes)))];
    let end = twice[0].len() - format!("--{BOUNDARY}--\r\n").len();
    let twice = [&twice[0][..end], &twice[1][..]].concat();
    let mut many = sent.clone();
    many.extend((0..5000).map(|at| ("classifiers".to_owned(), at.to_string())));
    let mut long = sent.clone();
    long.push(("summary".to_owned(), "x".repeat(3 << 20)));
    let mut not_text = form(&[("summary".to_owned(), "?".to_owned())], None);
    let at = not_text.iter().position(|byte| *byte == b'?').unwrap();
    not_text[at] = 0xff;
    for (body, what) in [
        (Vec::new(), "empty"),
        (not_text, "a field that is not UTF-8"),
        (b"hello".to_vec(), "no form"),
        (good[..good.len() / 2].to_vec(), "cut off in the file"),
        (good[..200].to_vec(), "cut off in a field"),
        (good[..good.len() - 4].to_vec(), "cut off at the end"),
        (form(&sent, None), "no file"),
        (twice, "two files"),
        (form(&many, Some((&file, &bytes))), "many fields"),
        (form(&long, Some((&file, &bytes))), "a long field"),
        (form(&sent, Some(("../tool-1.0-py3-none-any.whl", &bytes))), "an escaping name"),
        (form(&sent, Some(("", &bytes))), "no name"),
    ] {
        let answer = send(&bench, Caller::Publisher, body).await;
        assert!(answer.status == 400, "{what}: {answer:?}");
        assert_eq!(bench.staging.waiting(), 0, "{what}");
    }
    bench.get(Caller::Reader, "simple/tool/").await.expect(404);
    for kind in ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=x"] {
        let headers = [(header::CONTENT_TYPE, kind)];
        bench.send(Caller::Publisher, Method::POST, "legacy/", &headers, good.clone()).await.expect(400);
    }
    let headers = [(header::CONTENT_TYPE, multipart()), (header::CONTENT_ENCODING, "gzip".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (name.clone(), value.as_str()));
    bench.send(Caller::Publisher, Method::POST, "legacy/", &headers, good).await.expect(400);
}

#[tokio::test]
async fn a_form_without_an_end_is_stopped_before_it_fills_the_memory() {
    let bench = Bench::new(super::PYPI).await;
    let head = format!("--{BOUNDARY}\r\nX-Long: ").into_bytes();
    let pieces =
        std::iter::once(head).chain((0..64).map(|_| vec![b'x'; 1 << 20])).map(Ok::<_, std::io::Error>);
    let stream = poem::Body::from_bytes_stream(futures::stream::iter(pieces.collect::<Vec<_>>()));
    let kind = multipart();
    let answer = bench
        .send(Caller::Publisher, Method::POST, "legacy/", &[(header::CONTENT_TYPE, &kind)], stream)
        .await;
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn who_may_not_is_told_so_before_the_body_is_read_and_learns_nothing() {
    let bench = Bench::new(super::PYPI).await;
    super::sample::publish(&bench, "tool", "1.0").await;
    for (caller, status) in [(Caller::Nobody, 401), (Caller::Reader, 403), (Caller::Remover, 403)] {
        send(&bench, caller, b"not even a form".to_vec()).await.expect(status);
        bench.delete(caller, "simple/tool/").await.expect(status);
    }
    for path in [
        "simple/",
        "simple",
        "simple/tool/",
        "simple/Tool",
        "simple/none/",
        "simple/-bad-/",
        "packages/tool/tool-1.0-py3-none-any.whl",
        "packages/tool/tool-1.0-py3-none-any.whl.metadata",
        "packages/tool/none.whl",
        "pypi/tool/json",
        "pypi/tool/1.0/json",
        "pypi/tool/9.9/json",
        "anything",
        "",
    ] {
        let answer = bench.get(Caller::Nobody, path).await.expect(401);
        assert!(
            answer
                .headers
                .get_all(header::WWW_AUTHENTICATE)
                .iter()
                .any(|one| one.to_str().unwrap().starts_with("Basic"))
        );
    }
    bench.send(Caller::Nobody, Method::POST, "pypi", &[], "<x/>").await.expect(401);
}

#[tokio::test]
async fn a_search_by_pip_gets_a_fault_that_it_understands() {
    let bench = Bench::new(super::PYPI).await;
    let call = "<?xml version='1.0'?><methodCall><methodName>search</methodName></methodCall>";
    for path in ["pypi", "pypi/", ""] {
        let headers = [(header::CONTENT_TYPE, "text/xml")];
        let answer = bench.send(Caller::Reader, Method::POST, path, &headers, call).await.expect(200);
        assert!(
            text(&answer).contains("<fault>") && answer.header(header::CONTENT_TYPE).starts_with("text/xml")
        );
    }
    let kind = multipart();
    let misplaced = bench
        .send(Caller::Publisher, Method::POST, "", &[(header::CONTENT_TYPE, &kind)], "x")
        .await
        .expect(405);
    assert!(text(&misplaced).contains("/legacy/"));
}
