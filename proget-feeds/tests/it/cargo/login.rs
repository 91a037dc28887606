//! How cargo learns that it must send a token, and where people get one.

use crate::bench::{Bench, Caller};
use poem::http::header;

#[tokio::test]
async fn a_stranger_to_a_private_feed_is_told_where_to_get_a_token() {
    let bench = Bench::new(super::CARGO).await;
    for path in ["config.json", "1/a", "api/v1/crates?q=a"] {
        let answer = bench.get(Caller::Nobody, path).await.expect(401);
        let asked: Vec<&str> = answer
            .headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .map(|one| one.to_str().unwrap())
            .collect();
        assert!(asked.contains(&"Cargo login_url=\"https://packages.test/cargo/internal/me\""), "{asked:?}");
    }
}

#[tokio::test]
async fn the_page_to_which_cargo_login_sends_people_is_there_for_everybody() {
    let bench = Bench::new(super::CARGO).await;
    let page = bench.get(Caller::Nobody, "me").await.expect(200);
    assert!(String::from_utf8_lossy(&page.body).contains("API key"));
}
