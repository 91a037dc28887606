//! What callers may not do, may not know, or cannot mean; and the contract.

use super::sample::{publish, shown};
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use proget_core::Problem;
use std::time::Duration;

#[tokio::test]
async fn a_private_feed_tells_strangers_nothing_about_what_it_holds() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    for path in [
        "config.json",
        "1/a",
        "1/b",
        "2/zz",
        "1/9",
        "xx/yy/none",
        "api/v1/crates",
        "api/v1/crates?q=a",
        "api/v1/crates?per_page=x",
        "api/v1/crates/a",
        "api/v1/crates/none",
        "api/v1/crates/std",
        "api/v1/crates/new",
        "api/v1/crates/a/1.0.0",
        "api/v1/crates/a/1.0.0/download",
        "api/v1/crates/none/1.0.0/download",
        "api/v1/crates/a/x/download",
        "api/v1/crates/a/1.0.0/readme",
        "api/v1/crates/a/owners",
        "api/v1/crates/none/owners",
        "api/v1/crates/a/1.0.0/yank",
        "nothing",
        "",
        "a%00",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = bench.send(Caller::Nobody, method, path, &[], ()).await.expect(401);
            assert!(!shown(&answer).contains("1.0.0"));
        }
    }
    for path in [
        "api/v1/crates/new",
        "api/v1/crates/a/1.0.0/yank",
        "api/v1/crates/a/1.0.0/unyank",
        "api/v1/crates/none/1.0.0/yank",
        "api/v1/crates/a/owners",
        "api/v1/crates/std/owners",
        "1/a",
        "a//b",
    ] {
        for method in [Method::PUT, Method::DELETE, Method::POST, Method::PATCH] {
            let status = bench.send(Caller::Nobody, method.clone(), path, &[], "{}").await.status;
            assert_eq!(status, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_that_name_nothing_are_not_found_and_never_an_error() {
    let bench = Bench::open_to_all(super::CARGO).await;
    for path in [
        "",
        "a//b",
        "1/%2e%2e",
        "..%2f..%2fetc",
        "1/a%00",
        "1/%ff",
        "%",
        "1/A",
        "4/a/b",
        "api",
        "api/v1",
        "api/v1/crates/-",
        "api/v1/crates/a/1",
        "api/v1/crates/a/1.0.0/",
        "api/v1/crates/a/1.0.0/download/x",
        "api/v1/crates/a/1.0.0/yank",
    ] {
        bench.get(Caller::Nobody, path).await.expect(404);
    }
    for (method, path) in [
        (Method::POST, "api/v1/crates/new"),
        (Method::DELETE, "api/v1/crates/a"),
        (Method::PUT, "1/a"),
        (Method::PUT, "config.json"),
        (Method::POST, "me"),
    ] {
        bench.send(Caller::Admin, method, path, &[], "{}").await.expect(405);
    }
}

#[test]
fn problems_are_said_in_cargo_s_dialect() {
    let busy =
        super::CARGO.refuse(&Problem::Busy { what: "the database", retry_after: Duration::from_secs(7) });
    assert_eq!((busy.status().as_u16(), busy.header(header::RETRY_AFTER)), (503, Some("7")));
    let internal = Problem::internal("testing", &std::io::Error::other("secret detail"));
    let response = super::CARGO.refuse(&internal);
    assert_eq!(response.status(), 500);
    let body = futures::executor::block_on(response.into_body().into_string()).unwrap();
    assert!(!body.contains("secret detail") && body.starts_with("{\"errors\":[{\"detail\":"), "{body}");
}

#[tokio::test]
async fn every_row_of_the_contract_is_served() {
    let bench = Bench::open_to_all(super::CARGO).await;
    for name in ["a", "ab", "abc", "abcd"] {
        publish(&bench, name, "1.0.0").await;
    }
    for row in super::CARGO.contract() {
        let folders = row.path.matches('/').count();
        let name = match row.path.get(..3) {
            Some("/1/") => "a",
            Some("/2/") => "ab",
            Some("/3/") => "abc",
            _ => "abcd",
        };
        let filled = [
            ("{name}", name),
            ("{crate}", "abcd"),
            ("{version}", "1.0.0"),
            ("{a}", "a"),
            ("{ab}", "ab"),
            ("{cd}", "cd"),
        ];
        let path = filled.iter().fold(row.path.to_owned(), |path, (name, value)| path.replace(name, value));
        assert!(!path.contains('{') && folders > 0, "{path}");
        let method: Method = row.method.parse().unwrap();
        let answer = bench.send(Caller::Admin, method, path.trim_start_matches('/'), &[], "{}").await;
        let absent = answer.status == 404 && shown(&answer).starts_with("there is nothing at");
        assert!(!absent && answer.status != 500, "{row:?}: {answer:?}");
        assert!(row.specification.starts_with("https://"), "{row:?}");
        if let (true, "GET") = (answer.status != 200, row.method) {
            panic!("{row:?}: {answer:?}");
        }
    }
}
