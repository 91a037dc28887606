//! Everything that is served, and where it is specified.

use crate::http::{Endpoint, Support};

const API: &str = "https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md";
const METADATA: &str = "https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md";
const AUTHENTICATION: &str = "https://github.com/npm/registry/blob/main/docs/user/authentication.md";
const PROFILE: &str = "https://github.com/npm/registry/blob/main/docs/user/profile.md";
const TAGS: &str = "https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-dist-tag.md";
const UNPUBLISH: &str = "https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-unpublish.md";
const ACCESS: &str = "https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-access.md";
const AUDIT: &str =
    "https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-audit.md#audit-endpoints";
const STAGE: &str = "https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-publish.md";

const BY_FEED: Support = Support::Absent("permissions are given on the feed");

const fn row(
    method: &'static str,
    path: &'static str,
    support: Support,
    specification: &'static str,
) -> Endpoint {
    Endpoint { method, path, support, specification }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    row("GET", "/{package}", Support::Partial("the README is not in it"), METADATA),
    row("GET", "/{package}/{version or tag}", Support::Full, API),
    row("GET", "/{package}/-/{file}", Support::Full, METADATA),
    row(
        "PUT",
        "/{package}",
        Support::Partial("one tarball, no provenance bundle; owners and stars are refused"),
        API,
    ),
    row("PUT", "/{package}/-rev/{revision}", Support::Full, UNPUBLISH),
    row("DELETE", "/{package}/-rev/{revision}", Support::Full, UNPUBLISH),
    row("DELETE", "/{package}/-/{file}/-rev/{revision}", Support::Full, UNPUBLISH),
    row("GET", "/-/package/{package}/dist-tags", Support::Full, TAGS),
    row("PUT", "/-/package/{package}/dist-tags/{tag}", Support::Full, TAGS),
    row("POST", "/-/package/{package}/dist-tags/{tag}", Support::Full, TAGS),
    row(
        "DELETE",
        "/-/package/{package}/dist-tags/{tag}",
        Support::Partial("'latest' can only be moved"),
        TAGS,
    ),
    row(
        "GET",
        "/-/v1/search",
        Support::Partial("by name, without ranking; the first 10000 results; total is a lower bound"),
        API,
    ),
    row("GET", "/-/ping", Support::Full, API),
    row("GET", "/-/whoami", Support::Full, API),
    row(
        "PUT",
        "/-/user/org.couchdb.user:{user}",
        Support::Partial("signs in, creates nobody; for everybody"),
        AUTHENTICATION,
    ),
    row("GET", "/-/user/org.couchdb.user:{user}", Support::Partial("only about oneself"), AUTHENTICATION),
    row("DELETE", "/-/user/token/{token}", Support::Full, AUTHENTICATION),
    row(
        "POST",
        "/-/v1/login",
        Support::Absent("clients go on with name and password; for everybody"),
        AUTHENTICATION,
    ),
    row("GET", "/-/npm/v1/user", Support::Partial("the name"), PROFILE),
    row("GET", "/-/npm/v1/tokens", Support::Absent("tokens are API keys of the server"), AUTHENTICATION),
    row("GET", "/-/package/{package}/collaborators", Support::Partial("who published its versions"), ACCESS),
    row("GET", "/-/package/{package}/visibility", Support::Full, ACCESS),
    row("POST", "/-/package/{package}/access", BY_FEED, ACCESS),
    row("GET", "/-/user/{user}/package", BY_FEED, ACCESS),
    row("GET", "/-/org/{organisation}/package", BY_FEED, ACCESS),
    row("GET", "/-/team/{organisation}/{team}/package", BY_FEED, ACCESS),
    row("GET", "/-/_view/starredByUser", Support::Absent("nobody has starred anything"), API),
    row("POST", "/-/npm/v1/security/advisories/bulk", Support::Absent("an empty report"), AUDIT),
    row("POST", "/-/npm/v1/security/audits", Support::Absent("an empty report"), AUDIT),
    row("POST", "/-/npm/v1/security/audits/quick", Support::Absent("an empty report"), AUDIT),
    row("POST", "/-/stage/package/{package}", Support::Absent("publish directly"), STAGE),
];
