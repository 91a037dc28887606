//! Documents of the sparse index: where they are, and what is in them.
//!
//! A document is the stored lines of a crate's versions, oldest first, each with `yanked` as it is
//! at this moment; nothing is parsed. *Unlisted* versions are yanked ones: still there for who has
//! them in a lock file. *Blocked* versions are as if they were not there.
//! See <https://doc.rust-lang.org/cargo/reference/registry-index.html>.

use proget_core::catalog::{PackageRows, VersionRow};
use proget_core::package::Download;

/// Where a crate's document lies, below the index's root; clients ask in lower case.
#[must_use]
pub fn path(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let part = |range: std::ops::Range<usize>| lower.get(range).unwrap_or_default();
    match lower.len() {
        length @ (1 | 2) => format!("{length}/{lower}"),
        3 => format!("3/{}/{lower}", part(0..1)),
        _ => format!("{}/{}/{lower}", part(0..2), part(2..4)),
    }
}

/// The document, if this crate is spelled `asked` in lower case and has a version that may be shown.
#[must_use]
pub fn document(rows: &PackageRows, asked: &str) -> Option<Vec<u8>> {
    if rows.package.name.as_str().to_ascii_lowercase() != asked {
        return None;
    }
    let mut out = Vec::with_capacity(shown(rows).map(|row| row.fragment.0.len() + 32).sum());
    for row in shown(rows) {
        let Some(open) = row.fragment.0.strip_suffix(b"}") else {
            let (package, version) = (&rows.package.name, &row.version);
            tracing::error!(%package, %version, "a stored line of the index is damaged and left out");
            continue;
        };
        out.extend_from_slice(open);
        let end: &[u8] = if row.status.listed { b",\"yanked\":false}\n" } else { b",\"yanked\":true}\n" };
        out.extend_from_slice(end);
    }
    (!out.is_empty()).then_some(out)
}

/// Versions that may be shown, oldest first.
pub fn shown(rows: &PackageRows) -> impl DoubleEndedIterator<Item = &VersionRow> {
    rows.versions.iter().filter(|row| row.status.download != Download::Blocked && !row.files.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lie_where_cargo_looks_for_them() {
        for (name, expected) in [
            ("a", "1/a"),
            ("ab", "2/ab"),
            ("abc", "3/a/abc"),
            ("abcd", "ab/cd/abcd"),
            ("Cargo_X", "ca/rg/cargo_x"),
        ] {
            assert_eq!(path(name), expected);
        }
        for strange in ["", "é", "éa", "aéé"] {
            assert!(path(strange).ends_with(strange), "no crate is called so, and nothing breaks");
        }
    }
}
