//! Every row of every contract is requested by some test of this program, and answered as it says.
//!
//! The bench writes down each request that it sends. The test below starts this program a second
//! time, without itself, and looks at what was written: a row that nobody requested, or that was
//! never answered with success although something is behind it, fails.

use poem::http::{Method, StatusCode};
use proget_feeds::cargo::CargoProtocol;
use proget_feeds::http::{Endpoint, FeedProtocol, Support};
use proget_feeds::npm::NpmProtocol;
use proget_feeds::pypi::PypiProtocol;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

const TYPES: [&dyn FeedProtocol; 3] = [&NpmProtocol, &PypiProtocol, &CargoProtocol];

/// Names the file to write to.
const VARIABLE: &str = "PROGET_TEST_REQUESTS";

static REQUESTS: LazyLock<Option<Mutex<File>>> = LazyLock::new(|| {
    let path = std::env::var_os(VARIABLE)?;
    Some(Mutex::new(OpenOptions::new().append(true).open(path).unwrap()))
});

/// Writes down a request and how it was answered, if anybody wants to know.
pub(crate) fn requested(mount: &str, method: &Method, path: &str, status: StatusCode) {
    if let Some(file) = &*REQUESTS {
        writeln!(file.lock().unwrap(), "{mount} {method} {} {path}", status.as_u16()).unwrap();
    }
}

/// Does the path fit the pattern, part by part? `{name}` stands for one part or for a piece of one;
/// an npm scope with an unencoded slash is one part too.
fn fits(pattern: &[&str], path: &[String]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([wanted, rest @ ..], [part, after @ ..]) => {
            piece_fits(wanted, part) && fits(rest, after)
                || part.starts_with('@')
                    && wanted.starts_with('{')
                    && !after.is_empty()
                    && fits(rest, &after[1..])
        }
        _ => false,
    }
}

fn piece_fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == text };
    let after = rest.split_once('}').expect("braces are closed").1;
    let Some(text) = text.strip_prefix(before) else { return false };
    (1..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| piece_fits(after, &text[at..]))
}

fn parts(path: &str) -> Vec<String> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    path.trim_start_matches('/').split('/').map(decode).collect()
}

/// The row that a request belongs to: of all that fit, the one with most that is literal.
fn row<'a>(rows: &'a [Endpoint], method: &str, path: &str) -> Option<&'a Endpoint> {
    let path = parts(path);
    let fitting = rows.iter().filter(|row| {
        let pattern = parts(row.path);
        row.method == method && fits(&pattern.iter().map(String::as_str).collect::<Vec<_>>(), &path)
    });
    let literal = |path: &str| {
        let pieces = path.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, rest)| rest));
        pieces.flat_map(str::bytes).filter(|byte| *byte != b'/').count()
    };
    // Of equals the shorter one, so that an npm scope counts as part of the name.
    fitting.max_by_key(|row| (literal(row.path), Reverse(row.path.matches('/').count())))
}

#[test]
fn every_row_of_every_contract_is_requested_by_a_test_and_answered_as_it_says() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("requests-{}", std::process::id()));
    File::create(&path).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--skip", "contract::"])
        .env(VARIABLE, &path)
        .output();
    let written = std::fs::read_to_string(&path);
    std::fs::remove_file(&path).unwrap();
    let (output, written) = (output.unwrap(), written.unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    // For each row: was it answered with success?
    let mut rows: BTreeMap<(&str, &str, &str), (Support, Option<bool>)> = BTreeMap::new();
    for protocol in TYPES {
        for row in protocol.contract() {
            rows.insert((protocol.mount(), row.method, row.path), (row.support, None));
        }
    }
    for line in written.lines() {
        let [mount, method, status, path] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
        let protocol = TYPES.iter().find(|protocol| protocol.mount() == mount).unwrap();
        if let Some(row) = row(protocol.contract(), method, path) {
            let well = rows.get_mut(&(protocol.mount(), row.method, row.path)).unwrap();
            well.1 = Some(well.1 == Some(true) || status.starts_with(['2', '3']));
        }
    }
    let missing = rows.iter().filter_map(|(row, state)| match state {
        (_, None) => Some(format!("no test requests {row:?}")),
        (Support::Full | Support::Partial(_), Some(false)) => {
            Some(format!("no test has success with {row:?}"))
        }
        _ => None,
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{} of {} rows:\n{}", missing.len(), rows.len(), missing.join("\n"));
}

#[test]
fn requests_are_told_apart_by_what_is_literal_in_their_paths() {
    let found = |method, path| row(NpmProtocol.contract(), method, path).map(|row| row.path);
    assert_eq!(found("GET", "/a"), Some("/{package}"));
    assert_eq!(found("GET", "/@acme/a"), Some("/{package}"));
    assert_eq!(found("GET", "/@acme%2fa/-/a-1.tgz"), Some("/{package}/-/{file}"));
    assert_eq!(found("GET", "/-/npm/v1/user"), Some("/-/npm/v1/user"));
    assert_eq!(found("PUT", "/-/user/org.couchdb.user:ann"), Some("/-/user/org.couchdb.user:{user}"));
    assert_eq!(found("PATCH", "/a"), None);
    assert_eq!(found("GET", "/a/b/c/d/e/f"), None);
}
