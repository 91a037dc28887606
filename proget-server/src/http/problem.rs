//! The shell's own refusals, as problem documents
//! ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Feed types answer in their clients'
//! dialects and do not come here; the shell speaks before or after them, when it cannot know
//! the dialect.

use poem::{Response, http::StatusCode};

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem document: the status, its usual title, and one sentence for the person who reads it.
pub fn problem(status: StatusCode, detail: impl AsRef<str>) -> Response {
    let document = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail.as_ref(),
    });
    Response::builder()
        .status(status)
        .content_type(PROBLEM_JSON)
        .header("cache-control", "no-store")
        .body(document.to_string())
}
