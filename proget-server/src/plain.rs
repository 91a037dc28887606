//! Problems in ProGet's own dialect: a status and one short sentence of plain text, because its
//! client prints the body as it is. Feed types have dialects of their own and do not come here.

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Response};
use proget_core::Problem;
pub(crate) use proget_feeds::http::dialect::sentence;
use proget_feeds::http::dialect::status;

/// What our native API claims to be compatible with. Its client asks for a version when a key
/// cannot be created, and takes some later ones for servers whose health has another shape.
pub const COMPATIBLE_VERSION: &str = "25.0.24.0";

/// The header that carries [`COMPATIBLE_VERSION`].
pub const VERSION_HEADER: HeaderName = HeaderName::from_static("x-proget-version");

/// ProGet's sentence for whoever may not.
pub(crate) const FORBIDDEN: &str =
    "The specified API key does not have the proper permissions to perform this action.";

/// A problem as ProGet's client prints it.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let text = match problem {
        Problem::Forbidden(_) => FORBIDDEN.to_owned(),
        other => sentence(other),
    };
    let mut response = plain(status(problem), text);
    match problem {
        Problem::Unauthenticated(_) => {
            let challenge = HeaderValue::from_static("Basic realm=\"ProGet\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        Problem::Busy { retry_after, .. } => {
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        _ => {}
    }
    response
}

/// Plain text that nobody keeps.
pub(crate) fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(text.into())
        .into_response()
}
