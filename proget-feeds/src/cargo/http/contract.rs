//! Everything that is served, and where it is specified.

use crate::http::{Endpoint, Support};

const INDEX: &str = "https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol";
const CONFIG: &str = "https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration";
const PUBLISH: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish";
const YANK: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#yank";
const UNYANK: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#unyank";
const OWNERS: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#owners";
const SEARCH: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#search";
const LOGIN: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html#login";
const API: &str = "https://doc.rust-lang.org/cargo/reference/registry-web-api.html";

const BY_FEED: Support = Support::Absent("permissions are given on the feed");
const UNSPECIFIED: Support =
    Support::Partial("specified nowhere; what the feed knows, and no download counts");

const fn row(
    method: &'static str,
    path: &'static str,
    support: Support,
    specification: &'static str,
) -> Endpoint {
    Endpoint { method, path, support, specification }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    row("GET", "/config.json", Support::Full, CONFIG),
    row("GET", "/1/{name}", Support::Full, INDEX),
    row("GET", "/2/{name}", Support::Full, INDEX),
    row("GET", "/3/{a}/{name}", Support::Full, INDEX),
    row("GET", "/{ab}/{cd}/{name}", Support::Full, INDEX),
    row("PUT", "/api/v1/crates/new", Support::Partial("no dependencies on programs (artifact)"), PUBLISH),
    row("GET", "/api/v1/crates/{crate}/{version}/download", Support::Full, CONFIG),
    row("DELETE", "/api/v1/crates/{crate}/{version}/yank", Support::Full, YANK),
    row("PUT", "/api/v1/crates/{crate}/{version}/unyank", Support::Full, UNYANK),
    row("GET", "/api/v1/crates/{crate}/owners", Support::Partial("who published its versions"), OWNERS),
    row("PUT", "/api/v1/crates/{crate}/owners", BY_FEED, OWNERS),
    row("DELETE", "/api/v1/crates/{crate}/owners", BY_FEED, OWNERS),
    row(
        "GET",
        "/api/v1/crates",
        Support::Partial("by name, without ranking; the first 10000 results; total is a lower bound"),
        SEARCH,
    ),
    row(
        "GET",
        "/api/v1/crates/{crate}",
        Support::Partial("specified nowhere; the newest 1000 versions, and no download counts"),
        API,
    ),
    row("GET", "/api/v1/crates/{crate}/{version}", UNSPECIFIED, API),
    row(
        "GET",
        "/api/v1/crates/{crate}/{version}/readme",
        Support::Partial("specified nowhere; as written, not rendered"),
        API,
    ),
    row("GET", "/me", Support::Partial("says where a token comes from; for everybody"), LOGIN),
];
