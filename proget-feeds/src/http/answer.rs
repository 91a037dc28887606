//! Answering with files and documents: one way for all feed types.
//!
//! Files carry a strong tag (their SHA-256), can be asked for in part, and never change unless
//! the feed lets versions be replaced; a feed may send those who get them to the package store
//! itself. Documents are revalidated every time, because what they say must be what was last
//! acknowledged; they are sent compressed to those who like that.

use super::FeedDoor;
use super::condition::{Part, accepts_gzip, is_known, part};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::TryStreamExt as _;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::web::headers::LastModified;
use poem::{Body, Request, Response, ResponseBuilder};
use proget_core::Feed;
use proget_core::access::Secret;
use proget_core::blob::LinkWish;
use proget_core::feed::Overwrite;
use proget_core::problem::Problem;
use proget_core::registry::{Document, Item, Rendered};
use std::borrow::Cow;
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

/// Below this many bytes compression is not worth its bytes and time.
const WORTH_COMPRESSING: usize = 1024;

/// For as long a link to a store is good: a client follows it at once, and may ask for the rest of a large file
/// when its connection broke.
const LINK: Duration = Duration::from_secs(600);

/// Sends an item, or the part of it that is asked for, or says that the caller has it.
///
/// # Errors
/// As [`FeedDoor::open`].
pub async fn file(
    door: &FeedDoor,
    item: &Item,
    content_type: &str,
    request: &Request,
) -> Result<Response, Problem> {
    let tag = format!("\"{}\"", item.digests.sha256);
    let published = SystemTime::UNIX_EPOCH + Duration::from_millis(item.published.0.try_into().unwrap_or(0));
    let base = || {
        Response::builder()
            .header(header::ETAG, &tag)
            .typed_header(LastModified::from(published))
            .header(header::CACHE_CONTROL, HeaderValue::from_static(cache_for_file(door.feed())))
    };
    if is_known(request.headers(), &[&tag], Some(published)) {
        return Ok(base().status(StatusCode::NOT_MODIFIED).finish());
    }
    let disposition = disposition(item.name.as_str());
    let described = || {
        base()
            .header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_DISPOSITION, &disposition)
    };
    let (response, range) = match part(request.headers(), item.size, &tag) {
        Part::Whole => (described().header(header::CONTENT_LENGTH, item.size), None),
        Part::Bytes(range) => {
            let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, item.size);
            let response =
                described().status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, shown);
            (response.header(header::CONTENT_LENGTH, range.end - range.start), Some(range))
        }
        Part::Outside => {
            let shown = format!("bytes */{}", item.size);
            return Ok(base()
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, shown)
                .finish());
        }
    };
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let wish = LinkWish { good_for: LINK, content_type, disposition: &disposition };
    if let Some(link) = door.link(item, range.as_ref(), wish).await {
        return Ok(elsewhere(&link));
    }
    let blob = door.open(item, range).await?;
    // A store that fails half-way ends the connection, and the client sees that bytes are missing.
    Ok(response.body(Body::from_bytes_stream(blob.body.map_err(io::Error::other))))
}

/// Sends the caller to the store, where it asks again, for the same part: a client repeats its `Range`. The
/// link is for this caller and for now, so nobody may keep the answer.
fn elsewhere(link: &Secret) -> Response {
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, link.reveal())
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .header(header::CONTENT_LENGTH, 0)
        .finish()
}

/// Sends an index document, compressed if the caller likes that, or says that the caller has it.
#[must_use]
pub fn document(feed: &Feed, document: &Document, request: &Request) -> Response {
    let (plain, packed) = (document.plain_tag(), document.packed_tag());
    let gzip = document.rendered.gzip.as_ref().filter(|_| accepts_gzip(request.headers()));
    let response = Response::builder()
        .header(header::ETAG, if gzip.is_some() { packed } else { plain })
        .header(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"))
        .header(header::CACHE_CONTROL, HeaderValue::from_static(revalidate(feed)));
    if is_known(request.headers(), &[plain, packed], None) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    let response = match gzip {
        Some(_) => response.header(header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        None => response,
    };
    let body = gzip.unwrap_or(&document.rendered.body);
    with_body(response, &document.rendered.content_type, body.clone(), request.method())
}

/// Sends a small JSON answer that nobody should keep.
#[must_use]
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let body = Bytes::from(value.to_string());
    let response = Response::builder().status(status).header(header::CACHE_CONTROL, "no-store");
    with_body(response, "application/json", body, &Method::GET)
}

/// What a format rendered, with its compressed twin made once for all who will ask.
#[must_use]
pub fn rendered(body: Vec<u8>, content_type: impl Into<Cow<'static, str>>) -> Rendered {
    let gzip = (body.len() >= WORTH_COMPRESSING).then(|| gzip(&body)).flatten();
    let gzip = gzip.filter(|packed| packed.len() < body.len()).map(Bytes::from);
    Rendered { body: body.into(), gzip, content_type: content_type.into() }
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    // Writing into memory cannot fail; if it did, the plain document is still right.
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// The length is said also where no body follows: HEAD tells what GET would have sent.
fn with_body(response: ResponseBuilder, content_type: &str, body: Bytes, method: &Method) -> Response {
    let response =
        response.header(header::CONTENT_TYPE, content_type).header(header::CONTENT_LENGTH, body.len());
    if *method == Method::HEAD { response.finish() } else { response.body(body) }
}

/// A cache between us and many callers may keep only what everybody may read.
fn cache_for_file(feed: &Feed) -> &'static str {
    match (feed.settings.overwrite, feed.settings.anonymous_view) {
        (Overwrite::Never, true) => "public, max-age=31536000, immutable",
        (Overwrite::Never, false) => "private, max-age=31536000, immutable",
        (Overwrite::Allowed, _) => revalidate(feed),
    }
}

fn revalidate(feed: &Feed) -> &'static str {
    if feed.settings.anonymous_view { "public, no-cache" } else { "private, no-cache" }
}

/// A name that a browser may save under: quoted, and once more in UTF-8 if it is not plain.
/// See <https://www.rfc-editor.org/rfc/rfc6266>.
fn disposition(name: &str) -> String {
    let bare = name.rsplit('/').next().unwrap_or(name);
    let plain: String =
        bare.chars().map(|c| if c.is_ascii_graphic() && !"\"\\%".contains(c) { c } else { '_' }).collect();
    if plain == bare {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = percent_encoding::utf8_percent_encode(bare, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Adds a header to a response that is ready.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        response.headers_mut().append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_saving_are_quoted_and_cannot_break_out() {
        assert_eq!(disposition("a-1.0.0.tgz"), "attachment; filename=\"a-1.0.0.tgz\"");
        assert_eq!(disposition("org/a.jar"), "attachment; filename=\"a.jar\"");
        assert_eq!(disposition("a\"b;é"), "attachment; filename=\"a_b;_\"; filename*=UTF-8''a%22b%3B%C3%A9");
    }

    #[test]
    fn a_document_is_compressed_only_if_that_makes_it_smaller() {
        assert!(rendered(vec![b' '; 500], "text/plain").gzip.is_none());
        let packed = rendered(vec![b' '; 5000], "text/plain").gzip.unwrap();
        let mut plain = Vec::new();
        io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
        assert_eq!(plain, vec![b' '; 5000]);
    }
}
