//! `npm whoami`, `login`, `logout`, `owner`, `access`, `token`, `audit`, `ping`.

use super::sample::publish;
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use serde_json::json;

#[tokio::test]
async fn whoami_says_who_and_asks_nobody_to_sign_in() {
    let bench = Bench::open_to_all(super::NPM).await;
    assert_eq!(bench.get(Caller::Reader, "-/whoami").await.expect(200).json(), json!({"username": "reader"}));
    bench.get(Caller::Nobody, "-/whoami").await.expect(401);
    assert_eq!(bench.get(Caller::Nobody, "-/ping").await.expect(200).json(), json!({}));
}

#[tokio::test]
async fn signing_in_gives_a_token_and_signing_out_gives_it_back() {
    let bench = Bench::new(super::NPM).await;
    // Clients try the web first and go on with a password when it is not there.
    assert!(bench.post(Caller::Nobody, "-/v1/login", &json!({})).await.status.is_client_error());
    let path = "-/user/org.couchdb.user:ann";
    let right = json!({"_id": "org.couchdb.user:ann", "name": "ann", "password": "right", "type": "user"});
    let answer = bench.put(Caller::Nobody, path, &right).await.expect(201);
    assert_eq!(
        (&answer.json()["token"], answer.header(header::CACHE_CONTROL)),
        (&json!("the-token"), "no-store")
    );
    let wrong = json!({"name": "ann", "password": "wrong"});
    let refused = bench.put(Caller::Nobody, path, &wrong).await.expect(401);
    assert!(refused.error().contains("not valid"));
    // npm says "incorrect password" only if nothing but a password is asked for.
    let asked: Vec<_> = refused.headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
    assert!(asked.len() == 1 && asked[0].to_str().unwrap().starts_with("Basic"));
    let garbled =
        bench.put(Caller::Nobody, path, &json!({"name": "ann", "password": ["s3cret"]})).await.expect(400);
    assert!(!garbled.error().contains("s3cret"));
    bench.put(Caller::Nobody, path, &json!({"name": "bob", "password": "right"})).await.expect(400);
    bench.put(Caller::Nobody, path, &json!("x")).await.expect(400);
    bench.delete(Caller::Reader, "-/user/token/the-token").await.expect(200);
    bench.delete(Caller::Nobody, "-/user/token/another").await.expect(401);
    assert_eq!(bench.signed_out(), ["the-token"]);
}

#[tokio::test]
async fn one_may_ask_about_oneself_only() {
    let bench = Bench::new(super::NPM).await;
    assert_eq!(
        bench.get(Caller::Reader, "-/user/org.couchdb.user:reader").await.expect(200).json()["name"],
        "reader"
    );
    bench.get(Caller::Reader, "-/user/org.couchdb.user:admin").await.expect(404);
    bench.get(Caller::Nobody, "-/user/org.couchdb.user:admin").await.expect(401);
    assert_eq!(bench.get(Caller::Reader, "-/npm/v1/user").await.expect(200).json()["name"], "reader");
}

#[tokio::test]
async fn access_is_answered_from_the_feed_s_permissions() {
    let bench = Bench::open_to_all(super::NPM).await;
    publish(&bench, "@acme/a", "1.0.0").await;
    let collaborators = bench.get(Caller::Reader, "-/package/@acme%2fa/collaborators").await.expect(200);
    assert_eq!(collaborators.json(), json!({"admin": "write"}));
    assert_eq!(
        bench.get(Caller::Nobody, "-/package/@acme%2fa/visibility").await.expect(200).json(),
        json!({"public": true})
    );
    bench.get(Caller::Reader, "-/package/@acme%2fnone/visibility").await.expect(404);
    let refused = bench
        .post(Caller::Publisher, "-/package/@acme%2fa/access", &json!({"access": "public"}))
        .await
        .expect(405);
    assert!(refused.error().contains("permissions are given on the feed"));
    assert_eq!(bench.get(Caller::Reader, "-/org/acme/package").await.expect(200).json(), json!({}));
    assert_eq!(
        bench.get(Caller::Reader, "-/npm/v1/tokens").await.expect(200).json(),
        json!({"objects": [], "urls": {}})
    );
    bench.post(Caller::Publisher, "-/npm/v1/tokens", &json!({})).await.expect(405);
    bench.post(Caller::Nobody, "-/npm/v1/tokens", &json!({})).await.expect(401);
}

#[tokio::test]
async fn an_audit_is_answered_with_an_empty_report() {
    let bench = Bench::new(super::NPM).await;
    let gzip = [(header::CONTENT_ENCODING, "gzip")];
    let bulk = bench
        .send(Caller::Reader, Method::POST, "-/npm/v1/security/advisories/bulk", &gzip, "not even gzip")
        .await;
    assert_eq!(bulk.expect(200).json(), json!({}));
    for path in ["-/npm/v1/security/audits", "-/npm/v1/security/audits/quick"] {
        let report = bench.post(Caller::Reader, path, &json!({"name": "x"})).await.expect(200).json();
        assert_eq!(
            (&report["advisories"], &report["metadata"]["vulnerabilities"]["high"]),
            (&json!({}), &json!(0))
        );
    }
    bench.post(Caller::Nobody, "-/npm/v1/security/audits", &json!({})).await.expect(401);
}
