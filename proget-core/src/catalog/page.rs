//! Paging, by cursor only: a page begins after the last row of the one before, so it costs the
//! same however deep it is, works on any node, and neither repeats nor skips what stays.

/// Where the next page begins; opaque to callers, safe to hand out and to take back: a text that
/// was never handed out gives some page, perhaps an empty one, and never an error.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// After which row; `None` for the first page.
    pub after: Option<Cursor>,
    /// How many rows at most, at least one; a catalogue may give fewer and still have more.
    pub limit: u32,
}

impl PageRequest {
    /// The first `limit` rows.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// One page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order that the reading role documents.
    pub rows: Vec<T>,
    /// Where the next page begins, or `None` if this was the last.
    pub next: Option<Cursor>,
}
