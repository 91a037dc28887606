//! What callers may not do, may not know, or cannot mean; and the contract.

use super::sample::publish;
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use proget_core::Problem;
use proget_feeds::http::FeedProtocol as _;
use proget_feeds::npm::NpmProtocol;
use std::time::Duration;

#[tokio::test]
async fn a_private_feed_tells_strangers_nothing_about_what_it_holds() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    for path in [
        "a",
        "none",
        "Upper",
        "a/1.0.0",
        "a/-/a-1.0.0.tgz",
        "a/-/none.tgz",
        "-/package/a/dist-tags",
        "-/package/none/dist-tags",
        "-/v1/search?text=a",
        "-/package/a/collaborators",
        "-/package/a/visibility",
        "-/ping",
        "-/whoami",
        "-/nothing",
        "",
        "a/b/c",
        "-/user/org.couchdb.user:a",
        "-/npm/v1/user",
        "-/npm/v1/tokens",
        "-/user/a/package",
        "-/_view/starredByUser",
        "a%00",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = bench.send(Caller::Nobody, method, path, &[], ()).await.expect(401);
            assert!(!answer.error().contains("1.0.0"));
        }
    }
    for path in
        ["a", "a/-rev/1-x", "a/-/a-1.0.0.tgz/-rev/1-x", "none", "-/package/a/dist-tags/next", "Upper", "a//b"]
    {
        for method in [Method::PUT, Method::DELETE, Method::POST, Method::PATCH] {
            let status = bench.send(Caller::Nobody, method.clone(), path, &[], "{}").await.status;
            assert_eq!(status, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_that_name_nothing_are_not_found_and_never_an_error() {
    let bench = Bench::open_to_all(super::NPM).await;
    for path in [
        "Upper",
        "a//b",
        "..%2f..%2fetc",
        "a%00",
        "%ff",
        "node_modules",
        "a/%2e%2e/b",
        "@a",
        "-",
        "a/-/",
        "a/-rev",
        "%",
    ] {
        bench.get(Caller::Nobody, path).await.expect(404);
    }
    for path in ["a/1.0.0", "a/-/x.tgz", "-/nothing", "-/v1/search"] {
        bench.send(Caller::Admin, Method::PUT, path, &[], "{}").await.expect(405);
    }
}

#[test]
fn problems_are_said_in_npm_s_dialect() {
    let busy =
        NpmProtocol.refuse(&Problem::Busy { what: "the database", retry_after: Duration::from_secs(7) });
    assert_eq!((busy.status().as_u16(), busy.header(header::RETRY_AFTER)), (503, Some("7")));
    assert_eq!(
        NpmProtocol.refuse(&Problem::Unsupported("x".into())).status(),
        405,
        "clients retry 5xx for minutes"
    );
    let internal = Problem::internal("testing", &std::io::Error::other("secret detail"));
    let response = NpmProtocol.refuse(&internal);
    assert_eq!(response.status(), 500);
    let body = futures::executor::block_on(response.into_body().into_string()).unwrap();
    assert!(!body.contains("secret detail") && body.contains("under "), "{body}");
}

#[tokio::test]
async fn every_row_of_the_contract_is_served() {
    let bench = Bench::open_to_all(super::NPM).await;
    for row in NpmProtocol.contract() {
        let path = row.path.trim_start_matches('/');
        let filled = [
            ("{package}", "@acme%2fa"),
            ("{version or tag}", "latest"),
            ("{file}", "a-1.0.0.tgz"),
            ("{revision}", "1-x"),
            ("{tag}", "next"),
            ("{user}", "admin"),
            ("{token}", "t"),
            ("{organisation}", "acme"),
            ("{team}", "devs"),
        ];
        let path = filled.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
        assert!(!path.contains('{'), "{path}");
        let method: Method = row.method.parse().unwrap();
        let answer = bench.send(Caller::Admin, method, &path, &[], "{}").await;
        let absent = answer.status == 404 && answer.error().starts_with("there is nothing at");
        assert!(!absent && answer.status != 500, "{row:?}: {answer:?}");
        assert!(row.specification.starts_with("https://"), "{row:?}");
    }
}
