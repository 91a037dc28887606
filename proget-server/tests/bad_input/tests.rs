//! The tests: every row holds, the document shows the table, and a row that lies is caught.

use crate::bytes::npm_tgz;
use crate::request::Request;
use crate::row::{Dialect, Expected, Kind, Row, Section};
use crate::stage::{Patience, Stage};
use crate::wire::DEADLINE;
use crate::{api, cargo, document, http, judge, npm, pypi};
use std::collections::BTreeSet;
use std::time::Duration;

fn slow() -> Vec<Row> {
    [npm::slow(), pypi::slow(), cargo::slow(), api::slow(), http::slow()].into_iter().flatten().collect()
}

fn all() -> Vec<Row> {
    [npm::rows(), pypi::rows(), cargo::rows(), api::rows(), http::rows(), slow()]
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_clients_are_told_what_is_wrong_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Usual).await, &npm::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_clients_are_told_what_is_wrong_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Usual).await, &pypi::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_is_told_what_is_wrong_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Usual).await, &cargo::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_api_are_told_what_is_wrong_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Usual).await, &api::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_http_are_refused_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Usual).await, &http::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_sent_away_and_nothing_is_left_or_lost() {
    judge::try_all(&Stage::set(Patience::Short).await, &slow()).await;
}

#[test]
fn the_document_shows_the_table() {
    document::shows(&all());
}

#[test]
fn no_row_stands_there_twice_and_none_is_missing() {
    let rows = all();
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(seen.insert((row.kind, row.topic, row.sent)), "twice: {row:?}");
    }
    assert!(rows.len() >= 150, "only {} rows", rows.len());
}

/// The judge must object to whatever it is there to find.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_lies_is_caught() {
    let stage = Stage::set(Patience::Usual).await;
    let mut s = Section::new(Kind::Npm, "lies");
    let absent = || Request::new("GET /npm/js/absent");
    s.row("another status", absent(), 410, "there is no package absent");
    s.row("other words", absent(), 404, "there is a package");
    s.row("another dialect", absent(), 404, "there is no package absent").spoken(Dialect::Plain);
    s.closed("silence", absent());
    // The package is good, so it is published: the answer is right and something is left.
    let publish = Request::new("PUT /api/packages/js/upload").body(|| npm_tgz("widget", "1.0.0"));
    s.row("something is left", publish, 200, "").spoken(Dialect::Document);
    let delete = Request::new("POST /api/packages/js/delete?name=widget&version=1.0.0");
    s.row("something is lost", delete, 200, "").spoken(Dialect::Document);
    for row in &s.rows {
        let why = judge::try_one(&stage, row, Duration::ZERO).await.expect_err(row.sent);
        let traces = why.contains("something was left or lost");
        assert_eq!(traces, row.sent.starts_with("something"), "{}: {why}", row.sent);
    }
    let mut honest = Section::new(Kind::Npm, "truth");
    honest.row("the truth", absent(), 404, "there is no package absent in this feed");
    assert_eq!(judge::try_one(&stage, &honest.rows[0], DEADLINE).await, Ok(()));
    assert!(matches!(honest.rows[0].expected, Expected::Answer { .. }));
}
