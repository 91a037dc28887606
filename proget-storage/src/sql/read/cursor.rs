//! Cursors: the key of the last row of a page, in hexadecimal.
//!
//! They go to clients and come back, so what comes back is not trusted: a text that is no cursor
//! of ours begins at the first page.

use proget_core::catalog::{Cursor, Page, PageRequest};

/// Writes the parts of a key.
pub(super) fn write(parts: &[&[u8]]) -> Cursor {
    let hex = |part: &&[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Cursor(parts.iter().map(hex).collect::<Vec<_>>().join("."))
}

/// Reads as many parts as the key has.
pub(super) fn read<const N: usize>(cursor: Option<&Cursor>) -> Option<[Vec<u8>; N]> {
    let parts: Option<Vec<Vec<u8>>> = cursor?.0.split('.').map(unhex).collect();
    parts?.try_into().ok()
}

/// A part that is a text.
pub(super) fn text(part: Vec<u8>) -> Option<String> {
    String::from_utf8(part).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// How many rows to ask for: one more than wanted, which tells whether there is another page.
pub(super) fn limit(request: &PageRequest) -> i64 {
    i64::from(request.limit.clamp(1, 10_000)) + 1
}

/// The page out of rows that were asked for with [`limit`].
pub(super) fn page<T>(mut rows: Vec<T>, request: &PageRequest, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
    let wanted = usize::try_from(limit(request) - 1).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { rows, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_anything_else_is_no_cursor() {
        let cursor = write(&[b"a.b", b"", &[0, 255]]);
        assert_eq!(read::<3>(Some(&cursor)), Some([b"a.b".to_vec(), Vec::new(), vec![0, 255]]));
        for bad in ["x", "0", "00.00", "00.00.0g", "+1.00.00", "ä.00.00", "00.00.00.00"] {
            assert_eq!(read::<3>(Some(&Cursor(bad.into()))), None, "{bad}");
        }
    }
}
