//! `npm search`.

use crate::http::{FeedDoor, answer};
use crate::npm::found;
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::catalog::{Found, PageRequest, Search};
use proget_core::clock::{Clock, SystemClock};
use proget_core::registry::LARGEST_PAGE;
use proget_core::{Problem, Refusal};
use serde::Deserialize;

/// Results are counted up to here: the catalogue pages by cursor, so `from` is reached by passing
/// over what comes before it.
const DEEPEST: usize = 10_000;
/// No answer holds more results.
const LARGEST: usize = 250;

#[derive(Debug, Default, Deserialize)]
struct Query {
    #[serde(default)]
    text: String,
    #[serde(default)]
    size: Option<usize>,
    #[serde(default)]
    from: usize,
}

/// <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search>
pub(super) async fn search(door: &FeedDoor, request: &Request) -> Result<Response, Problem> {
    let query: Query = request
        .params()
        .map_err(|error| Refusal::new("query", format!("text, size and from are expected: {error}")))?;
    let size = query.size.unwrap_or(20).min(LARGEST);
    if query.from.saturating_add(size) > DEEPEST {
        return Err(Refusal::new("from", format!("only the first {DEEPEST} results can be asked for")).into());
    }
    let (found, total) = window(door, &wanted(&query.text), query.from, size).await?;
    Ok(answer::json(StatusCode::OK, &found::document(&found, total, SystemClock.now())))
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
        let still = from + size - before;
        page.limit = u32::try_from(still.max(1)).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
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

/// Words, and of the qualifiers those that mean something here.
fn wanted(text: &str) -> Search {
    let mut search = Search::default();
    for word in text.split_whitespace() {
        match word.split_once(':') {
            Some(("scope", scope)) => search.prefix = Some(format!("@{}/", scope.trim_start_matches('@'))),
            Some(("keywords", words)) => search.text.extend(words.split([',', '+']).map(str::to_owned)),
            // Authors and the like are not searched, and scores are all the same.
            Some(("author" | "maintainer" | "not" | "is" | "boost-exact", _)) => {}
            _ => search.text.push(word.to_owned()),
        }
    }
    search.text.retain(|word| !word.is_empty());
    search
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_narrow_the_search_or_are_passed_over() {
        let search = wanted("left pad scope:acme keywords:a,b not:unstable is:x @acme/tool");
        assert_eq!(search.text, ["left", "pad", "a", "b", "@acme/tool"]);
        assert_eq!(search.prefix.as_deref(), Some("@acme/"));
        assert!(wanted("  keywords: ").text.is_empty());
    }
}
