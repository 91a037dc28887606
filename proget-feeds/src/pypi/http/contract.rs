//! Everything that is served, and where it is specified.

use crate::http::{Endpoint, Support};

const SIMPLE: &str = "https://packaging.python.org/en/latest/specifications/simple-repository-api/";
const METADATA: &str = "https://peps.python.org/pep-0658/";
const JSON: &str = "https://github.com/pypi/warehouse/blob/main/docs/user/api/json.md";
const UPLOAD: &str = "https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md";
const XMLRPC: &str = "https://github.com/pypi/warehouse/blob/main/docs/dev/api-reference/xml-rpc.rst";

const fn row(
    method: &'static str,
    path: &'static str,
    support: Support,
    specification: &'static str,
) -> Endpoint {
    Endpoint { method, path, support, specification }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    row("GET", "/simple/", Support::Full, SIMPLE),
    row("GET", "/simple/{project}/", Support::Full, SIMPLE),
    row("GET", "/packages/{project}/{file}", Support::Full, SIMPLE),
    row("GET", "/packages/{project}/{file}.metadata", Support::Partial("of wheels"), METADATA),
    row(
        "GET",
        "/pypi/{project}/json",
        Support::Partial("without serial numbers, download counts and vulnerabilities"),
        JSON,
    ),
    row(
        "GET",
        "/pypi/{project}/{version}/json",
        Support::Partial("without serial numbers, download counts and vulnerabilities"),
        JSON,
    ),
    row(
        "POST",
        "/legacy/",
        Support::Partial("wheels and sdists (.tar.gz, .zip); signatures are dropped, attestations refused"),
        UPLOAD,
    ),
    row("POST", "/pypi", Support::Absent("a fault that says so; also at /"), XMLRPC),
];
