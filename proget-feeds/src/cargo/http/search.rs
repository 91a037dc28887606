//! `cargo search`.

use crate::http::{FeedDoor, answer};
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::catalog::{Found, PageRequest, Search};
use proget_core::registry::LARGEST_PAGE;
use proget_core::{Problem, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

/// Results are counted up to here: the catalogue pages by cursor, so a page is reached by passing
/// over what comes before it.
const DEEPEST: usize = 10_000;
/// No page holds more results.
const LARGEST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Query {
    q: String,
    per_page: usize,
    page: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { q: String::new(), per_page: 10, page: 1 }
    }
}

/// <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#search>
pub(super) async fn search(door: &FeedDoor, request: &Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let query: Query = request
        .params()
        .map_err(|error| Refusal::new("query", format!("q, per_page and page are expected: {error}")))?;
    let size = query.per_page.clamp(1, LARGEST);
    let from = query.page.saturating_sub(1).saturating_mul(size);
    if from.saturating_add(size) > DEEPEST {
        return Err(Refusal::new("page", format!("only the first {DEEPEST} results can be asked for")).into());
    }
    // Other spellings of a crate's name are among its keywords.
    let text = query.q.split_whitespace().map(str::to_owned).collect();
    let search = Search { text, ..Search::default() };
    let (found, total) = window(door, &search, from, size).await?;
    let crates: Vec<Value> = found.iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({"crates": crates, "meta": {"total": total}})))
}

/// Results `from..from + size`, and how many there are at least.
async fn window(
    door: &FeedDoor,
    search: &Search,
    from: usize,
    size: usize,
) -> Result<(Vec<Found>, usize), Problem> {
    let (mut page, mut before, mut found) = (PageRequest::first(0), 0, Vec::new());
    loop {
        let still = (from + size).saturating_sub(before).max(1);
        page.limit = u32::try_from(still).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let got = door.search(search, &page).await?;
        let skip = from.saturating_sub(before).min(got.rows.len());
        before += got.rows.len();
        found.extend(got.rows.into_iter().skip(skip));
        found.truncate(size);
        match got.next {
            Some(next) if before < from + size => page.after = Some(next),
            // One more than seen says: there is more.
            Some(_) => return Ok((found, before + 1)),
            None => return Ok((found, before)),
        }
    }
}

fn shown(found: &Found) -> Value {
    let version = &found.version;
    json!({
        "id": found.package.name.as_str(),
        "name": found.package.name.as_str(),
        "max_version": version.version.as_str(),
        "newest_version": version.version.as_str(),
        "description": version.summary,
        "created_at": found.package.created.to_string(),
        "updated_at": version.published.to_string(),
    })
}
