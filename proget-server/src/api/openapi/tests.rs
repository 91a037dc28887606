//! The description is true: every route has its entry and every entry a route, every reference leads
//! somewhere, and real answers are as their schemas say, with no member more and none less.

use super::super::ROUTES;
use super::operations::{Answer, Body, OPERATIONS};
use super::schemas::table;
use super::*;
use crate::accounts::{FirstAdministrator, FirstPassword, KeyText};
use crate::cluster::ClusterParts;
use crate::server::{MountedServer, Server};
use poem::http::StatusCode;
use poem::{Endpoint as _, Request};
use proget_core::SystemClock;
use proget_core::cluster::NodeName;
use proget_core::keys::{EncryptionKey, KeyRing};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    for row in ROUTES {
        assert!(operation_of(row).is_some(), "{:?} {} has no entry in `operations`", row.methods, row.path);
    }
    for operation in OPERATIONS {
        let has = |row: &&Row| {
            row.path == operation.path && row.methods.iter().any(|method| method.as_str() == operation.method)
        };
        let rows = ROUTES.iter().filter(has).count();
        assert_eq!(rows, 1, "{} {} is described and is no route", operation.method, operation.path);
    }
    let rows: usize = ROUTES.iter().map(|row| row.methods.len()).sum();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let described: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, rows, "a method of a route has no entry");
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let there: BTreeSet<String> = table().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(used, there);
    assert_eq!(there.len(), table().count(), "a name is there twice");
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str) {
                found.insert(name.strip_prefix("#/components/schemas/").unwrap().to_owned());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Every way in which a value is not as its schema says.
fn wrong(value: &Value, schema: &Value, document: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").unwrap();
        return wrong(value, &document["components"]["schemas"][name], document, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let all: Vec<Vec<String>> = choices.iter().map(|one| wrong(value, one, document, at)).collect();
        let fits = all.iter().any(Vec::is_empty);
        return if fits { Vec::new() } else { all.into_iter().flatten().collect() };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return vec![format!("{at} is {kind}, not {kinds:?}: {value}")];
    }
    match value {
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(place, item)| wrong(item, &schema["items"], document, &format!("{at}[{place}]")))
                .collect()
        }
        Value::Object(members) => {
            let known = &schema["properties"];
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = required.filter(|name| !members.contains_key(*name));
            let mut found: Vec<String> = missing.map(|name| format!("{at}.{name} is missing")).collect();
            for (name, member) in members {
                match known.get(name) {
                    Some(schema) => found.extend(wrong(member, schema, document, &format!("{at}.{name}"))),
                    None if schema["additionalProperties"] == json!(true) => {}
                    None => found.push(format!("{at}.{name} is not in the schema")),
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let document = document();
    let schema = reference("JobId");
    assert_eq!(wrong(&json!({ "id": 7 }), &schema, &document, "it"), [""; 0]);
    for bad in [json!({}), json!({ "id": "7" }), json!({ "id": 7, "more": 1 }), json!([]), json!(null)] {
        assert_eq!(wrong(&bad, &schema, &document, "it").len(), 1, "{bad}");
    }
    let role = json!({ "oneOf": [reference("Role"), { "type": "null" }] });
    assert_eq!(wrong(&Value::Null, &role, &document, "it"), [""; 0]);
    assert!(!wrong(&json!({ "role": 1 }), &role, &document, "it").is_empty());
}

struct House {
    server: MountedServer,
    key: String,
    document: Value,
    /// What was called, as (method, path of the table).
    called: BTreeSet<(String, &'static str)>,
}

impl House {
    async fn new() -> Self {
        let key = KeyText::random().unwrap();
        let keys = [(); 2].map(|()| EncryptionKey::generate().unwrap());
        let ring = KeyRing::new(keys.to_vec()).unwrap();
        let server = Server::builder()
            .catalog(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))))
            .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
            .administrator(FirstAdministrator {
                password: FirstPassword::Given(proget_core::access::Secret::new("correct horse")),
                api_key: Some(key.clone()),
            })
            .cluster(ClusterParts { keys: Some(ring), ..ClusterParts::alone(NodeName::standard()) })
            .feed("internal", "npm")
            .build()
            .await
            .unwrap();
        let key = key.reveal().to_owned();
        Self { server: server.endpoint(), key, document: document(), called: BTreeSet::new() }
    }

    /// Calls an operation; the answer is as its schema says, and so is the body.
    async fn call(
        &mut self,
        method: &str,
        path: &'static str,
        filled: &str,
        body: Value,
        status: u16,
    ) -> Value {
        let operation = OPERATIONS.iter().find(|one| one.path == path && one.method == method);
        let operation = operation.unwrap_or_else(|| panic!("{method} {path} is not described"));
        if let (Body::Json(name), 200) = (operation.body, status) {
            let found = wrong(&body, &reference(name), &self.document, "body");
            assert!(found.is_empty(), "{method} {path}: {found:?}");
        }
        let request = Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri_str(filled)
            .header("x-apikey", &self.key)
            .body(body.to_string());
        let response = self.server.get_response(request).await;
        let (found, told) = (response.status(), response.into_body().into_string().await.unwrap());
        assert_eq!(found.as_u16(), status, "{method} {filled}: {told}");
        let row = ROUTES.iter().find(|row| row.path == path && operation_of(row).is_some()).unwrap();
        let responses = &self.document["paths"][written(row.path)][method.to_ascii_lowercase()]["responses"];
        let described = &responses[status.to_string()];
        assert!(described.is_object(), "{method} {path} answers {status}, which is not described");
        self.called.insert((method.to_owned(), path));
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(found != StatusCode::OK || told.is_empty(), "{method} {path} answers {told}");
            return Value::Null;
        }
        let value: Value = serde_json::from_str(&told).unwrap();
        let found = wrong(&value, schema, &self.document, "answer");
        assert!(found.is_empty(), "{method} {path}: {found:?}");
        value
    }
}

/// A small npm package.
fn package() -> Vec<u8> {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let text = r#"{"name":"left-pad","version":"1.3.0","description":"for tests"}"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "package/package.json", text.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn real_answers_are_as_the_description_says() {
    let mut house = House::new().await;
    let none = Value::Null;
    house.call("GET", "/api/openapi.json", "/api/openapi.json", none.clone(), 200).await;
    // Feeds and packages.
    let feed = json!({ "name": "second", "feedType": "npm", "dropPath": "/x" });
    house
        .call("POST", "/api/management/feeds/create", "/api/management/feeds/create", feed.clone(), 200)
        .await;
    house.call("POST", "/api/management/feeds/create", "/api/management/feeds/create", feed, 409).await;
    house.call("GET", "/api/management/feeds/list", "/api/management/feeds/list", none.clone(), 200).await;
    let get = "/api/management/feeds/get/:feed";
    house.call("GET", get, "/api/management/feeds/get/second", none.clone(), 200).await;
    house.call("GET", get, "/api/management/feeds/get/nowhere", none.clone(), 404).await;
    let update = "/api/management/feeds/update/:feed";
    house.call("POST", update, "/api/management/feeds/update/second", json!({ "active": true }), 200).await;
    house.call("POST", update, "/api/management/feeds/update/second", json!({ "active": 1 }), 400).await;
    let delete = "/api/management/feeds/delete/:feed";
    house.call("DELETE", delete, "/api/management/feeds/delete/second", none.clone(), 200).await;
    let upload = Request::builder()
        .method(Method::PUT)
        .uri_str("/api/packages/internal/upload")
        .header("x-apikey", &house.key)
        .body(package());
    assert_eq!(house.server.get_response(upload).await.status(), StatusCode::OK);
    house.call("GET", "/api/packages/:feed", "/api/packages/internal", none.clone(), 200).await;
    for (path, filled) in [
        ("/api/packages/:feed/latest", "/api/packages/internal/latest?name=left-pad"),
        ("/api/packages/:feed/versions", "/api/packages/internal/versions"),
    ] {
        let list = house.call("GET", path, filled, none.clone(), 200).await;
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    }
    let of = "name=left-pad&version=1.3.0";
    let status = "/api/packages/:feed/status";
    let decided = json!({ "deprecated": true, "deprecationReason": "old", "allow": true });
    house.call("POST", status, &format!("/api/packages/internal/status?{of}"), decided, 200).await;
    let versions = "/api/packages/:feed/versions";
    house.call("GET", versions, "/api/packages/internal/versions", none.clone(), 200).await;
    let remove = "/api/packages/:feed/delete";
    house.call("POST", remove, &format!("/api/packages/internal/delete?{of}"), none.clone(), 200).await;
    house.call("POST", remove, &format!("/api/packages/internal/delete?{of}"), none.clone(), 404).await;
    keys(&mut house).await;
    cluster(&mut house).await;
    jobs_and_schedules(&mut house).await;
    let all = OPERATIONS.iter().filter(|one| matches!(one.answer, Answer::Json(_) | Answer::List(_)));
    let uncalled: Vec<_> =
        all.filter(|one| !house.called.contains(&(one.method.to_owned(), one.path))).collect();
    assert!(uncalled.is_empty(), "nobody has looked at what these answer: {uncalled:?}");
}

async fn keys(house: &mut House) {
    let create = "/api/api-keys/create";
    for wish in [
        json!({ "type": "System", "systemApis": ["full-control"], "expiration": "2040-01-01T00:00:00Z" }),
        json!({ "type": "Feed", "feed": "internal", "packagePermissions": ["view"] }),
        json!({ "type": "Personal", "user": "Admin" }),
    ] {
        house.call("POST", create, create, wish, 200).await;
    }
    house.call("POST", create, create, json!({ "type": "Other" }), 400).await;
    let list = house.call("GET", "/api/api-keys/list", "/api/api-keys/list", Value::Null, 200).await;
    assert_eq!(list.as_array().map(Vec::len), Some(4), "{list}");
    house.call("POST", "/api/api-keys/delete", "/api/api-keys/delete?id=999999", Value::Null, 404).await;
}

async fn cluster(house: &mut House) {
    let (path, begun) = ("/api/cluster/status", Instant::now());
    // It joins beside, and then it elects itself.
    let node = loop {
        let status = house.call("GET", path, path, Value::Null, 200).await;
        if status["primary"].is_object() && status["nodes"][0]["phase"] == "serving" {
            break status["nodes"][0]["name"].as_str().unwrap().to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    encryption_keys(house).await;
    let mode = "/api/cluster/mode";
    house.call("POST", mode, mode, json!({ "mode": "high-availability", "check": true }), 200).await;
    house.call("POST", mode, mode, json!({ "mode": "high-availability" }), 409).await;
    house.call("POST", mode, mode, json!({ "mode": "single" }), 200).await;
    house.call("POST", mode, mode, json!({ "mode": "double" }), 400).await;
    let settings = "/api/cluster/settings";
    house.call("POST", settings, settings, json!({ "preset": "fast", "maxServers": 5 }), 200).await;
    house.call("POST", settings, settings, json!({ "lease": 1 }), 400).await;
    let nodes = "/api/cluster/nodes";
    for (what, filled) in
        [("drain", format!("{nodes}/{node}/drain")), ("resume", format!("{nodes}/{node}/resume"))]
    {
        let path = if what == "drain" {
            "/api/cluster/nodes/:node/drain"
        } else {
            "/api/cluster/nodes/:node/resume"
        };
        house.call("POST", path, &filled, Value::Null, 200).await;
        house.call("POST", path, &format!("{nodes}/nobody/{what}"), Value::Null, 404).await;
    }
    let service = "/api/cluster/nodes/:node/service/:what";
    house.call("POST", service, &format!("{nodes}/{node}/service/stop"), Value::Null, 200).await;
    house.call("POST", service, &format!("{nodes}/{node}/service/dance"), Value::Null, 404).await;
    house.call("DELETE", "/api/cluster/nodes/:node", &format!("{nodes}/{node}"), Value::Null, 400).await;
    house.call("DELETE", "/api/cluster/nodes/:node", &format!("{nodes}/nobody"), Value::Null, 404).await;
}

/// A whole exchange.
async fn encryption_keys(house: &mut House) {
    let path = "/api/cluster/keys";
    let before = house.call("GET", path, path, Value::Null, 200).await;
    let [old, new] = [0, 1].map(|place| json!({ "fingerprint": before["keys"][place]["fingerprint"] }));
    assert_eq!(before["sealing"], old["fingerprint"], "{before}");
    let (promote, retire) = ("/api/cluster/keys/promote", "/api/cluster/keys/retire");
    house.call("POST", retire, retire, old.clone(), 409).await;
    house.call("POST", promote, promote, json!({ "fingerprint": "new" }), 400).await;
    house.call("POST", promote, promote, new.clone(), 200).await;
    house.call("POST", promote, promote, new.clone(), 409).await;
    let reseal = "/api/cluster/keys/reseal";
    house.call("POST", reseal, reseal, Value::Null, 200).await;
    let between = house.call("GET", path, path, Value::Null, 200).await;
    assert!(between["reseal"].is_object() && between["sealing"] == new["fingerprint"], "{between}");
    let held_by = house.call("POST", retire, retire, old, 200).await;
    assert_eq!(held_by["heldBy"].as_array().map(Vec::len), Some(1), "{held_by}");
    house.call("POST", retire, retire, json!({}), 400).await;
    let after = house.call("GET", path, path, Value::Null, 200).await;
    let retired: Vec<_> = [0, 1].into_iter().map(|place| after["keys"][place]["retired"].clone()).collect();
    assert_eq!(retired, [false, true], "{after}");
}

async fn jobs_and_schedules(house: &mut House) {
    let verify = "/api/cluster/jobs/verify";
    let id = house.call("POST", verify, verify, Value::Null, 200).await["id"].clone();
    let (job, filled) = ("/api/cluster/jobs/:job", format!("/api/cluster/jobs/{id}"));
    house.call("GET", "/api/cluster/jobs", "/api/cluster/jobs", Value::Null, 200).await;
    house.call("GET", "/api/cluster/jobs", "/api/cluster/jobs?state=odd", Value::Null, 400).await;
    house.call("GET", job, &filled, Value::Null, 200).await;
    house.call("GET", job, "/api/cluster/jobs/987654", Value::Null, 404).await;
    // Its Service was stopped, so it waits.
    house.call("DELETE", job, &filled, Value::Null, 200).await;
    house.call("DELETE", job, &filled, Value::Null, 409).await;
    let schedules = "/api/cluster/schedules";
    let wish = json!({ "name": "nightly", "cron": "0 3 * * *", "kind": "verify", "enabled": false });
    house.call("POST", schedules, schedules, wish.clone(), 200).await;
    house.call("POST", schedules, schedules, wish, 409).await;
    let (one, filled) = ("/api/cluster/schedules/:schedule", "/api/cluster/schedules/nightly");
    house.call("PATCH", one, filled, json!({ "enabled": true }), 200).await;
    house.call("PATCH", one, filled, json!({ "cron": "x" }), 400).await;
    house.call("PATCH", one, "/api/cluster/schedules/none", json!({ "enabled": true }), 404).await;
    house.call("GET", schedules, schedules, Value::Null, 200).await;
    let run = "/api/cluster/schedules/:schedule/run";
    house.call("POST", run, "/api/cluster/schedules/nightly/run", Value::Null, 200).await;
    house.call("DELETE", one, filled, Value::Null, 200).await;
    house.call("DELETE", one, filled, Value::Null, 404).await;
}
