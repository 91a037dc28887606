//! Problems in ProGet's own dialect: a status and one short sentence of plain text, because its
//! client prints the body as it is. Feed types have dialects of their own and do not come here.

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Response};
use proget_core::Problem;

/// What our native API claims to be compatible with. Its client asks for a version when a key
/// cannot be created, and takes some later ones for servers whose health has another shape.
pub const COMPATIBLE_VERSION: &str = "25.0.24.0";

/// The header that carries [`COMPATIBLE_VERSION`].
pub const VERSION_HEADER: HeaderName = HeaderName::from_static("x-proget-version");

/// ProGet's sentence for whoever may not.
pub(crate) const FORBIDDEN: &str =
    "The specified API key does not have the proper permissions to perform this action.";

/// The status that a problem has wherever no client's dialect says otherwise.
pub(crate) fn status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::NotFound(_) => StatusCode::NOT_FOUND,
        Problem::AlreadyExists(_) | Problem::Changed(_) => StatusCode::CONFLICT,
        Problem::Refused(_) => StatusCode::BAD_REQUEST,
        Problem::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Problem::Forbidden(_) => StatusCode::FORBIDDEN,
        Problem::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Problem::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Problem::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem in one sentence, for people.
pub(crate) fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::NotFound(text)
        | Problem::AlreadyExists(text)
        | Problem::Changed(text)
        | Problem::Unauthenticated(text)
        | Problem::Forbidden(text)
        | Problem::Unsupported(text) => text.clone(),
        Problem::Refused(refusal) => refusal.to_string(),
        Problem::TooLarge(Some(limit)) => format!("larger than the {limit} bytes that are taken here"),
        Problem::TooLarge(None) => "larger than what is taken here".into(),
        Problem::TooSlow => "the request's body stopped coming".into(),
        Problem::Busy { what, retry_after } => {
            format!("busy with {what}; try again in {} s", retry_after.as_secs().max(1))
        }
        Problem::Internal { reference } => {
            format!(
                "something went wrong inside the server; its log has the details under reference {reference}"
            )
        }
        _ => "something went wrong".into(),
    }
}

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
