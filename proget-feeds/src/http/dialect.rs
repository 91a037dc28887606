//! Problems as HTTP: what is the same in every client's dialect. The words around it are the
//! feed type's own.

use super::answer::set;
use poem::http::{StatusCode, header};
use poem::{Body, Response};
use proget_core::Problem;

/// The status that says this to most clients; a feed type may know better for its own.
#[must_use]
pub fn status(problem: &Problem) -> StatusCode {
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

/// The problem in one sentence for a person. It may quote what was sent, and is shown on terminals:
/// so it holds no control characters.
#[must_use]
pub fn sentence(problem: &Problem) -> String {
    let mut text = worded(problem);
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, "\u{fffd}");
    }
    text
}

fn worded(problem: &Problem) -> String {
    match problem {
        Problem::NotFound(text)
        | Problem::AlreadyExists(text)
        | Problem::Changed(text)
        | Problem::Unauthenticated(text)
        | Problem::Forbidden(text)
        | Problem::Unsupported(text) => text.clone(),
        Problem::Refused(refusal) => refusal.to_string(),
        Problem::TooLarge(Some(limit)) => format!("more than the {limit} bytes that are allowed here"),
        Problem::TooLarge(None) => "more bytes than are allowed here".to_owned(),
        Problem::TooSlow => "the request's body stopped coming".to_owned(),
        Problem::Busy { what, retry_after } => {
            format!("busy with {what}; try again in {} s", retry_after.as_secs().max(1))
        }
        Problem::Internal { reference } => {
            format!("something went wrong here; an operator finds the cause in the log under {reference}")
        }
        _ => "something went wrong here".to_owned(),
    }
}

/// An answer with this status and body, and the headers that belong to the problem: when to come
/// back, and how to say who one is.
#[must_use]
pub fn response(
    problem: &Problem,
    status: StatusCode,
    content_type: &str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CACHE_CONTROL, "no-store")
        .body(body.into());
    match problem {
        Problem::Busy { retry_after, .. } => {
            set(&mut response, header::RETRY_AFTER, &retry_after.as_secs().max(1).to_string());
        }
        Problem::Unauthenticated(_) => {
            // Several clients read only the first line, and all of them send tokens more often than passwords.
            set(&mut response, header::WWW_AUTHENTICATE, "Bearer realm=\"proget\"");
            set(&mut response, header::WWW_AUTHENTICATE, "Basic realm=\"proget\", charset=\"UTF-8\"");
        }
        _ => {}
    }
    response
}
