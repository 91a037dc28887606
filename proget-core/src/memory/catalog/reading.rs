//! How the model pages: rows in order, cut after the cursor and at the limit.

use crate::catalog::{Cursor, Page, PageRequest};

/// The first `limit` of the rows, which begin after the request's cursor already.
pub(super) fn page<T>(
    mut rows: impl Iterator<Item = T>,
    request: &PageRequest,
    cursor: impl Fn(&T) -> String,
) -> Page<T> {
    let limit = usize::try_from(request.limit.max(1)).unwrap_or(usize::MAX);
    let taken: Vec<T> = rows.by_ref().take(limit).collect();
    let next = match (rows.next(), taken.last()) {
        (Some(_), Some(last)) => Some(Cursor(cursor(last))),
        _ => None,
    };
    Page { rows: taken, next }
}
