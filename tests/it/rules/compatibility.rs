//! Keeps docs/COMPAT.md true: what the feed types serve, made from their contracts. To write it anew:
//!
//! ```sh
//! UPDATE_COMPAT=1 cargo test -p proget-tests rules::compatibility
//! ```

use super::root;
use anyhow::ensure;
use proget_feeds::http::{Endpoint, FeedProtocol, Support};
use proget_server::compiled_in;
use proget_tests::Outcome;
use std::fmt::Write as _;

const COMMAND: &str = "UPDATE_COMPAT=1 cargo test -p proget-tests rules::compatibility";

const OPENING: &str = "\
# What is served

Every endpoint of every feed type, how much of it there is, and where it is specified. `HEAD` is
answered wherever `GET` is. Paths are behind the feed's address, `/{type}/{feed}`.

*full*: as its specification says. *partial*: enough for the clients that are tested; the text says
what is missing. *absent*: answered so that clients go on or stop with a sentence, but there is nothing
behind it.

This page is made from the contracts in the code; a test compares the two. Another test sends a
request to each row, and asks for success where there is more than *absent*.
";

fn page() -> Outcome<String> {
    let mut page = OPENING.to_owned();
    for protocol in compiled_in() {
        section(&*protocol, &mut page)?;
    }
    Ok(page)
}

fn section(protocol: &dyn FeedProtocol, page: &mut String) -> Outcome {
    let (format, rows) = (protocol.format(), protocol.contract());
    let (id, mount) = (format.id(), protocol.mount());
    let count = |wanted: &str| rows.iter().filter(|row| support(row).0 == wanted).count();
    writeln!(page, "\n## {}\n", format.title())?;
    writeln!(
        page,
        "At `/{mount}/{{feed}}`: {} full, {} partial, {} absent. Package URLs are `pkg:{}/…`.",
        count("full"),
        count("partial"),
        count("absent"),
        format.purl_type(),
    )?;
    writeln!(
        page,
        "Tried request by request in `proget-feeds/tests/it/{id}`, by the real clients in `tests/it/clients/{id}`.\n",
    )?;
    writeln!(page, "| method | path | there is | missing | specification |\n|---|---|---|---|---|")?;
    for row in rows {
        let (there, missing) = support(row);
        let (path, missing) = (row.path.replace('|', "\\|"), missing.replace('|', "\\|"));
        let shown = row.specification.split("://").last().unwrap_or(row.specification);
        let shown = shown.split('/').next().unwrap_or(shown);
        writeln!(
            page,
            "| {} | `{path}` | {there} | {missing} | [{shown}]({}) |",
            row.method, row.specification
        )?;
    }
    Ok(())
}

fn support(row: &Endpoint) -> (&'static str, &'static str) {
    match row.support {
        Support::Full => ("full", ""),
        Support::Partial(missing) => ("partial", missing),
        Support::Absent(missing) => ("absent", missing),
    }
}

#[test]
fn the_page_of_endpoints_is_what_the_feed_types_say() -> Outcome {
    let path = root().join("docs/COMPAT.md");
    let page = page()?;
    if std::env::var_os("UPDATE_COMPAT").is_some() {
        std::fs::write(&path, &page)?;
    }
    let found = std::fs::read_to_string(&path)?;
    ensure!(found == page, "docs/COMPAT.md is not what the feed types say; run: {COMMAND}");
    Ok(())
}
