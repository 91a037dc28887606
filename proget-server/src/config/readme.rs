//! Keeps the parts of the README true that are made from code: the settings table, and the
//! embedder's program. To write them anew:
//!
//! ```sh
//! UPDATE_README=1 cargo test -p proget-server --lib config::readme
//! ```

use super::table;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Demands that the text between two markers is this, or writes it there.
fn between(markers: &str, made: &str) {
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {markers}: begin -->\n"), format!("<!-- {markers}: end -->\n"));
    let (before, rest) = text.split_once(&begin).expect("the README has the first marker");
    let (found, after) = rest.split_once(&end).expect("the README has the second marker");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(found, made, "run: UPDATE_README=1 cargo test -p proget-server --lib config::readme");
}

/// One test, because both parts are in one file that may be written.
#[test]
fn the_readme_shows_the_settings_and_the_smallest_program_as_they_are() {
    between("settings", &table());
    let program = std::fs::read_to_string(root().join("examples/embed-minimal/main.rs")).unwrap();
    between("embed-minimal", &format!("```rust\n{program}```\n"));
}
