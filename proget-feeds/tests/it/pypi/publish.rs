//! `POST /legacy/`, and that what was sent is what can be downloaded.

use super::sample::{BOUNDARY, fields, form, multipart, publish, sdist, send, upload, wheel};
use crate::bench::{Bench, Caller};
use poem::Body;
use poem::http::{Method, header};

#[tokio::test]
async fn wheels_and_sdists_of_one_version_are_published_and_download_as_they_were_sent() {
    let bench = Bench::new(super::PYPI).await;
    let more = "Requires-Python: >=3.8\nRequires-Dist: a<2\n";
    let files = [wheel("My.Tool", "1.0", more), sdist("My.Tool", "1.0", more)];
    for file in &files {
        upload(&bench, "My-Tool", "1.0.0", file).await.expect(200);
    }
    for (file, bytes) in &files {
        let path = format!("packages/my-tool/{file}");
        let got = bench.get(Caller::Reader, &path).await.expect(200);
        assert_eq!(&got.body[..], &bytes[..]);
        assert_eq!(got.header(header::CACHE_CONTROL), "private, max-age=31536000, immutable");
        let tag = got.header(header::ETAG);
        bench.send(Caller::Reader, Method::GET, &path, &[(header::IF_NONE_MATCH, tag)], ()).await.expect(304);
        let head = bench.send(Caller::Reader, Method::HEAD, &path, &[], ()).await.expect(200);
        assert_eq!((head.body.len(), head.header(header::CONTENT_LENGTH)), (0, &*bytes.len().to_string()));
        bench.get(Caller::Reader, &format!("packages/My_Tool/{file}")).await.expect(200);
    }
    let metadata =
        bench.get(Caller::Reader, &format!("packages/my-tool/{}.metadata", files[0].0)).await.expect(200);
    assert!(metadata.body.starts_with(b"Metadata-Version: 2.1\nName: My.Tool\n"));
    let none =
        bench.get(Caller::Reader, &format!("packages/my-tool/{}.metadata", files[1].0)).await.expect(404);
    assert!(String::from_utf8_lossy(&none.body).contains(".tar.gz"));
    assert_eq!(bench.staging.waiting(), 0);
}

#[tokio::test]
async fn the_same_file_again_is_success_and_another_one_a_400_that_clients_know() {
    let bench = Bench::new(super::PYPI).await;
    let first = publish(&bench, "tool", "1.0").await;
    upload(&bench, "tool", "1.0", &first).await.expect(200);
    let other = wheel("tool", "1.0", "Summary: other\n");
    let refused = upload(&bench, "tool", "1.0", &other).await.expect(400);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.starts_with("File already exists ('tool-1.0-py3-none-any.whl')"), "{text}");
    let now = bench.get(Caller::Reader, &format!("packages/tool/{}", first.0)).await.expect(200);
    assert_eq!(&now.body[..], &first.1[..]);
}

#[tokio::test]
async fn the_order_of_fields_and_the_size_of_pieces_do_not_matter() {
    let (file, bytes) = wheel("tool", "1.0", "");
    let mut sent = fields("tool", "1.0", &file, &bytes);
    sent.push(("gpg_signature".to_owned(), "passed over".to_owned()));
    sent.reverse();
    let body = form(&sent, Some((&file, &bytes)));
    for piece in [1, 3, 64, 100_000] {
        let bench = Bench::new(super::PYPI).await;
        let pieces: Vec<_> = body.chunks(piece).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
        let stream = Body::from_bytes_stream(futures::stream::iter(pieces));
        let kind = multipart();
        bench
            .send(Caller::Publisher, Method::POST, "legacy", &[(header::CONTENT_TYPE, &kind)], stream)
            .await
            .expect(200);
        let got = bench.get(Caller::Reader, &format!("packages/tool/{file}")).await.expect(200);
        assert_eq!(&got.body[..], &bytes[..], "in pieces of {piece}");
    }
    // The file first, the fields behind it.
    let bench = Bench::new(super::PYPI).await;
    let mut body = form(&[], Some((&file, &bytes)));
    body.truncate(body.len() - format!("--{BOUNDARY}--\r\n").len());
    body.extend_from_slice(&form(&sent, None));
    send(&bench, Caller::Publisher, body).await.expect(200);
}

#[tokio::test]
async fn a_feed_that_replaces_files_does_so_for_who_may_delete() {
    let bench = Bench::replacing(super::PYPI).await;
    publish(&bench, "tool", "1.0").await;
    let (file, bytes) = wheel("tool", "1.0", "Summary: other\n");
    upload(&bench, "tool", "1.0", &(file.clone(), bytes.clone())).await.expect(400);
    let body = form(&fields("tool", "1.0", &file, &bytes), Some((&file, &bytes)));
    send(&bench, Caller::Admin, body).await.expect(200);
    let got = bench.get(Caller::Reader, &format!("packages/tool/{file}")).await.expect(200);
    assert_eq!(&got.body[..], &bytes[..]);
}
