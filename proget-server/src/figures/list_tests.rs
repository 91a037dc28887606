//! The list of figures is what `/metrics` shows and what the page about them says. To write the page anew:
//!
//! ```sh
//! UPDATE_DOCS=1 cargo test -p proget-server --lib figures
//! ```

use super::*;
use crate::accounts::{FirstAdministrator, FirstPassword};
use crate::http::Metrics;
use crate::server::Server;
use poem::{Endpoint as _, Request};
use proget_core::SystemClock;
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn table() -> String {
    let mut text = String::from("| figure | kind | labels | what it is |\n| --- | --- | --- | --- |\n");
    for figure in FIGURES {
        let kind = format!("{:?}", figure.kind).to_lowercase();
        let labels: Vec<String> =
            figure.labels.iter().map(|label| format!("`{}`", label.replace('|', "\\|"))).collect();
        text += &format!("| `{}` | {kind} | {} | {} |\n", figure.name, labels.join(" "), figure.about);
    }
    text
}

#[test]
fn the_page_about_figures_shows_all_of_them_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/METRICS.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- figures: begin -->\n", "<!-- figures: end -->\n");
    let (before, rest) = text.split_once(begin).expect("the page has the first marker");
    let (found, after) = rest.split_once(end).expect("the page has the second marker");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{}{end}{after}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "run: UPDATE_DOCS=1 cargo test -p proget-server --lib figures");
}

#[test]
fn names_are_as_prometheus_wants_them() {
    let mut seen = BTreeSet::new();
    for figure in FIGURES {
        let name = figure.name;
        assert!(seen.insert(name), "{name} is there twice");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), figure.kind == Kind::Counter, "{name}");
        assert!(figure.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        assert!(!figure.about.ends_with('.'), "{name}");
    }
}

/// What a process that runs for a moment, alone and without an outage, has no reason to show.
const SELDOM: &[&str] = &[HTTP_CONNECTIONS, STALE_ANSWERS, FENCED, CLAIMS, JOBS_RUNNING];

#[tokio::test]
async fn a_running_server_shows_every_figure_of_the_list_and_no_other() {
    let server = Server::builder()
        .catalog(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))))
        .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
        .administrator(FirstAdministrator { password: FirstPassword::Absent, api_key: None })
        .feed("internal", "npm")
        .build()
        .await
        .unwrap();
    let (metrics, server) = (Metrics::install(), server.endpoint());
    let begun = Instant::now();
    loop {
        server.get_response(Request::builder().uri_str("/npm/internal/x").finish()).await;
        let text = metrics.render().expect("our recorder is the process's");
        let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let shown: BTreeSet<&str> = typed.filter_map(|line| line.split(' ').next()).collect();
        // Other tests of this process count in figures of their own.
        let strangers: Vec<&&str> = shown
            .iter()
            .filter(|name| FIGURES.iter().all(|figure| figure.name != **name) && !name.contains("_test_"))
            .collect();
        assert!(strangers.is_empty(), "these are not in the list: {strangers:?}");
        let missing: Vec<&str> = FIGURES
            .iter()
            .map(|figure| figure.name)
            .filter(|name| !shown.contains(name) && !SELDOM.contains(name) && !name.starts_with("store_"))
            .collect();
        if missing.is_empty() {
            for figure in FIGURES.iter().filter(|figure| shown.contains(figure.name)) {
                let help = format!("# HELP {} {}\n", figure.name, figure.help());
                assert!(text.contains(&help), "{help} is not in\n{text}");
            }
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "these are never shown: {missing:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
