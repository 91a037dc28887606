//! `docs/BAD-INPUT.md` from the table. To write it anew:
//!
//! ```sh
//! UPDATE_BAD_INPUT=1 cargo test -p proget-server --test bad_input the_document
//! ```

use crate::row::{Dialect, Expected, Row, Traces};
use std::fmt::Write as _;

const BEGIN: &str = "<!-- rows: begin -->\n";
const END: &str = "<!-- rows: end -->\n";

/// Demands that the document shows these rows, or writes them there.
pub(crate) fn shows(rows: &[Row]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/BAD-INPUT.md");
    let text = std::fs::read_to_string(path).unwrap();
    let made = table(rows);
    let (before, rest) = text.split_once(BEGIN).expect("the document has the first marker");
    let (found, after) = rest.split_once(END).expect("the document has the second marker");
    if std::env::var_os("UPDATE_BAD_INPUT").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == made,
        "run: UPDATE_BAD_INPUT=1 cargo test -p proget-server --test bad_input the_document"
    );
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("\n{} rows.\n", rows.len());
    let mut last = None;
    for row in rows {
        if last != Some((row.kind, row.topic)) {
            last = Some((row.kind, row.topic));
            let (kind, topic) = (row.kind, row.topic);
            write!(text, "\n### {kind}: {topic}\n\n").unwrap();
            text +=
                "| what is sent | by which request | answer | what the client sees |\n|---|---|---|---|\n";
        }
        let (status, says) = told(row);
        writeln!(text, "| {} | {} | {status} | {says} |", plain(row.sent), code(&row.request.line)).unwrap();
    }
    text += "\n";
    text
}

fn told(row: &Row) -> (String, String) {
    match &row.expected {
        Expected::Closed => ("–".into(), "the connection is closed".into()),
        Expected::Gone => ("–".into(), "nobody is there any more".into()),
        Expected::Answer { status, dialect, says } => {
            let says = match (dialect, row.traces) {
                (_, Traces::Renewal) => "success, and nothing new".into(),
                (Dialect::Bare, _) => "no text: the request could not be read".into(),
                _ if says.is_empty() => "no text".into(),
                _ => code(says),
            };
            (status.to_string(), says)
        }
    }
}

fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// As code, in one line, not too long, and without breaking the table.
fn code(text: &str) -> String {
    const LONGEST: usize = 90;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let shown = shown.replace('|', "\\|");
    if shown.contains('`') { format!("`` {shown} ``") } else { format!("`{shown}`") }
}
