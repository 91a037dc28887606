//! A feed type of one's own: notes, texts with a name and a number, from their rules to a running
//! server. See docs/ADDING-A-FEED-TYPE.md.

mod format;
mod http;

use format::NOTE;
use http::NoteProtocol;
use proget_server::{FeedProtocol as _, TestServer};
use reqwest::StatusCode;
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Names, versions and order keys, against every promise that can be tried from outside.
    proget_core::conformance::format(&NOTE);

    let server = TestServer::start_with(|builder| builder.feed_type(Arc::new(NoteProtocol))).await?;
    server.create_feed("kitchen", "note").await?;
    let feed = server.feed_url("notes", "kitchen");
    let client = reqwest::Client::new();
    let put = |path: &str, text: &str| {
        let request = client.put(format!("{feed}/{path}")).body(text.to_owned());
        request.header("X-ApiKey", server.admin_key()).send()
    };
    let get = |path: &str| client.get(format!("{feed}/{path}")).header("X-ApiKey", server.admin_key()).send();

    assert_eq!(put("soup/9", "Leek soup\nand so on").await?.status(), StatusCode::CREATED);
    assert_eq!(put("soup/10", "Leek soup, with cream").await?.status(), StatusCode::CREATED);
    assert_eq!(put("soup/10", "Leek soup, with cream").await?.status(), StatusCode::OK);
    assert_eq!(put("soup/10", "something else").await?.status(), StatusCode::CONFLICT);

    let refused = put("soup/11", "\n").await?;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.text().await?, "text: must begin with a line that says what it is about");
    assert_eq!(put("Soup/1", "x").await?.status(), StatusCode::BAD_REQUEST);

    assert_eq!(get("soup").await?.text().await?, "9\tLeek soup\n10\tLeek soup, with cream\n");
    let note = get("soup/9").await?;
    let tag = note.headers()["etag"].clone();
    assert_eq!(note.text().await?, "Leek soup\nand so on");

    // Permissions, ranges and validators came with the door and the answers.
    let again = client.get(format!("{feed}/soup/9")).header("X-ApiKey", server.admin_key());
    assert_eq!(again.header("If-None-Match", tag).send().await?.status(), StatusCode::NOT_MODIFIED);
    let part = client.get(format!("{feed}/soup/9")).header("X-ApiKey", server.admin_key());
    assert_eq!(part.header("Range", "bytes=0-3").send().await?.text().await?, "Leek");
    assert_eq!(reqwest::get(format!("{feed}/soup")).await?.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(get("tea").await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(NoteProtocol.contract().len(), 3);

    every_line_of_the_page_is_in_these_files();
    server.stop().await;
    Ok(())
}

/// docs/ADDING-A-FEED-TYPE.md quotes these files; a quotation that is no longer true fails here.
fn every_line_of_the_page_is_in_these_files() {
    let page = include_str!("../../docs/ADDING-A-FEED-TYPE.md");
    let here = [include_str!("main.rs"), include_str!("format.rs"), include_str!("http.rs")];
    let known: Vec<&str> = here.iter().flat_map(|file| file.lines()).map(str::trim).collect();
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the page quotes nothing");
    for line in blocks.iter().flat_map(|block| block.lines()).map(str::trim) {
        assert!(known.contains(&line), "docs/ADDING-A-FEED-TYPE.md quotes a line that is not here: {line}");
    }
}
