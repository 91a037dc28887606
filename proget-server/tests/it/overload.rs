//! More than the server can do is refused quickly and in words, and passes.

use super::kit::{Answer, Caller, eventually, package};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use proget_core::access::{FeedScope, Permissions, Rights};
use proget_server::TestServer;
use proget_server::http::Limits;
use reqwest::Method;
use std::time::Duration;

#[tokio::test]
async fn while_all_places_are_taken_others_are_told_when_to_come_back() {
    let limits = Limits { in_flight: 1, waiting: 0, ..Limits::default() };
    let server =
        TestServer::start_with(move |builder| builder.feed("internal", "npm").limits(limits.clone()));
    let server = server.await.unwrap();
    let admin = Caller::admin(&server);
    let bytes = package("left-pad", "1.3.0");
    let (mut slow, body) = mpsc::channel::<Bytes>(1);
    let body = reqwest::Body::wrap_stream(body.map(Ok::<_, std::io::Error>));
    let upload = admin.request(Method::PUT, "/api/packages/internal/upload").body(body);
    let upload = tokio::spawn(Answer::of(upload));
    slow.send(Bytes::copy_from_slice(&bytes[..10])).await.unwrap();
    eventually("the upload holds the only place", || async {
        admin.get("/api/packages/internal").await.status == 503
    })
    .await;
    let refused = admin.get("/npm/internal/left-pad").await.expect(503);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    admin.get("/health/ready").await.expect(200);
    slow.send(Bytes::copy_from_slice(&bytes[10..])).await.unwrap();
    drop(slow);
    upload.await.unwrap().expect(200);
    admin.get("/npm/internal/left-pad").await.expect(200);
}

#[tokio::test]
async fn who_guesses_passwords_is_slowed_down_and_nobody_else() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let rights = Rights::in_feeds(FeedScope::All, Permissions { view: true, ..Permissions::default() });
    for user in ["bob", "eve"] {
        server.create_user(user, "correct horse", rights.clone()).await.unwrap();
    }
    let guess = Caller::with_key(&server, "bob:wrong horse");
    for _ in 0..10 {
        guess.get("/api/packages/internal").await.expect(401);
    }
    let slowed = guess.get("/api/packages/internal").await.expect(503);
    assert!((1..=11).contains(&slowed.header("retry-after").parse::<u64>().unwrap()));
    let right = Caller::with_key(&server, "bob:correct horse");
    right.get("/api/packages/internal").await.expect(503);
    Caller::with_key(&server, "eve:correct horse").get("/api/packages/internal").await.expect(200);
    Caller::admin(&server).get("/api/packages/internal").await.expect(200);
}

#[tokio::test]
async fn many_requests_with_the_same_password_cost_a_few_hashes_and_all_succeed() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let rights = Rights::in_feeds(FeedScope::All, Permissions { view: true, ..Permissions::default() });
    server.create_user("bob", "correct horse", rights).await.unwrap();
    let bob = Caller::with_key(&server, "bob:correct horse");
    let asking = (0..50).map(|_| bob.get("/api/packages/internal"));
    let begun = std::time::Instant::now();
    for answer in futures::future::join_all(asking).await {
        answer.expect(200);
    }
    println!("50 requests with a password took {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_and_a_package_of_that_size_is_taken() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    let large = serde_json::json!({ "description": "x".repeat(2 << 20) });
    admin.post("/api/management/feeds/update/internal", &large).await.expect(413);
    let random: String =
        (0..400_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let package = super::kit::package_with("large", "1.0.0", &random);
    assert!(package.len() > 2 << 20);
    admin.upload("internal", package).await.expect(200);
}
