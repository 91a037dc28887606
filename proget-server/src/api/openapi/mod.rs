//! The native API's description of itself, in OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.0>).
//!
//! Paths, methods and permissions come from the table of routes, so they cannot be told wrongly; what a
//! table cannot tell stands in `operations`, and what bodies look like in `schemas`. Tests hold both
//! against the routes and against real answers.

mod key_schemas;
mod operations;
mod schemas;
#[cfg(test)]
mod tests;

use super::ROUTES;
use super::call::{Call, json_bytes};
use super::route::{Demand, Row};
use bytes::Bytes;
use operations::{Answer, Body, OPERATIONS, Operation};
use poem::Response;
use poem::http::Method;
use proget_core::Problem;
use proget_core::access::Permission;
use schemas::{reference, schemas};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The description; for everybody, because it says nothing about this instance.
pub(super) async fn describe(_: Call) -> Result<Response, Problem> {
    Ok(json_bytes(DOCUMENT.clone()))
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for row in ROUTES {
        let Some(operation) = operation_of(row) else { continue };
        let path = paths.entry(written(row.path)).or_insert_with(|| json!({}));
        for method in row.methods {
            path[method.as_str().to_ascii_lowercase()] = described(row, operation, method);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ProGet-compatible native API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Management of feeds, keys, packages and the cluster. Errors are one sentence of \
                            plain text. Moments are milliseconds since 1970-01-01T00:00:00Z, unless said otherwise.",
        },
        "security": [{ "key": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "X-ApiKey", "description": "An API key, or user:password" },
                "basic": { "type": "http", "scheme": "basic", "description": "A user's name and password, or the user 'api' and a key" },
            },
        },
    })
}

fn operation_of(row: &Row) -> Option<&'static Operation> {
    let has = |method: &str| row.methods.iter().any(|one| one.as_str() == method);
    OPERATIONS.iter().find(|operation| operation.path == row.path && has(operation.method))
}

/// `:feed` and `*name` as OpenAPI writes them.
fn written(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.strip_prefix([':', '*']) {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Every method of a row does the same; the first one is described, the others refer to it.
fn described(row: &Row, operation: &Operation, method: &Method) -> Value {
    let mut summary = operation.summary.to_owned();
    if method.as_str() != operation.method {
        summary = format!("{summary} (the same as {})", operation.method);
    }
    let in_path = row.path.split('/').filter_map(|segment| segment.strip_prefix([':', '*']));
    let in_path = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = operation.query.iter().map(|(name, about)| {
        json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } })
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let mut described = json!({
        "summary": summary,
        "tags": [operation.path.split('/').nth(2).unwrap_or_default()],
        "description": format!("Permission: {}.", permission(row.demand)),
        "x-permission": permission(row.demand),
        "parameters": parameters,
        "responses": responses(row, operation),
    });
    if let Some(body) = body(operation.body) {
        described["requestBody"] = json!({ "required": true, "content": body });
    }
    if row.demand == Demand::OwnView {
        described["security"] = json!([{}, { "key": [] }, { "basic": [] }]);
    }
    described
}

fn body(body: Body) -> Option<Value> {
    match body {
        Body::Nothing => None,
        Body::Json(name) => Some(json!({ "application/json": { "schema": reference(name) } })),
        Body::Bytes => Some(json!({ "application/octet-stream": {} })),
    }
}

fn responses(row: &Row, operation: &Operation) -> Value {
    let good = match operation.answer {
        Answer::Nothing => json!({ "description": "done" }),
        Answer::Json(name) => json!({
            "description": "the answer",
            "content": { "application/json": { "schema": reference(name) } },
        }),
        Answer::List(name) => json!({
            "description": "a list",
            "content": { "application/json": { "schema": { "type": "array", "items": reference(name) } } },
        }),
        Answer::Bytes => json!({ "description": "the bytes", "content": { "application/octet-stream": {} } }),
    };
    let mut responses = Map::from_iter([("200".to_owned(), good)]);
    let judged: &[(u16, &str)] = match row.demand {
        Demand::OwnView => &[],
        Demand::SignedIn => &[(401, "credentials are missing or not valid")],
        Demand::Instance(_) | Demand::Feed(_) => {
            &[(401, "credentials are missing or not valid"), (403, "these credentials do not permit it")]
        }
    };
    let always: &[(u16, &str)] =
        &[(503, "the database or the package store is away; Retry-After says when to come back")];
    for (status, about) in judged.iter().chain(operation.errors).chain(always) {
        let text = json!({ "text/plain": { "schema": { "type": "string" } } });
        responses.insert(status.to_string(), json!({ "description": about, "content": text }));
    }
    if let Some((status, name)) = operation.also {
        let content = json!({ "application/json": { "schema": reference(name) } });
        responses.insert(
            status.to_string(),
            json!({ "description": "refused, with all findings", "content": content }),
        );
    }
    Value::Object(responses)
}

fn permission(demand: Demand) -> &'static str {
    match demand {
        Demand::OwnView => "none; the answer holds what the caller may see",
        Demand::SignedIn => "to be signed in",
        Demand::Instance(Permission::Administer) => "to administer the server",
        Demand::Instance(_) => "to manage feeds",
        Demand::Feed(Permission::View) => "to view packages of the feed",
        Demand::Feed(Permission::Add) => "to add packages to the feed",
        Demand::Feed(_) => "to remove or change packages of the feed",
    }
}
