//! Documents that create and change feeds and keys.

use crate::bytes::{gzip, nested};
use crate::request::{Caller, Request};
use crate::row::{Kind, Row, Section};
use serde_json::json;

const CREATE: &str = "POST /api/management/feeds/create";
const KEY: &str = "POST /api/api-keys/create";

fn create(body: &'static str) -> Request {
    Request::new(CREATE).text(body)
}

fn key(body: &'static str) -> Request {
    Request::new(KEY).text(body)
}

pub(crate) fn rows() -> Vec<Row> {
    [feeds(), keys()].into_iter().flatten().collect()
}

fn feeds() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "Feeds");
    s.row("no body", create(""), 400, "body: is not JSON: EOF");
    s.row("a body that is no JSON", create("name=x&feedType=npm"), 400, "body: is not JSON: expected");
    s.row("a list", create(r#"[{"name":"x","feedType":"npm"}]"#), 400, "body: must be a JSON object");
    s.row(
        "lists 10,000 deep",
        Request::new(CREATE).body(|| nested(10_000, "[", "]").into()),
        400,
        "body: is not JSON: recursion limit exceeded",
    );
    s.row(
        "text that is not UTF-8",
        Request::new(CREATE).body(|| b"{\"name\":\"\xff\"}".to_vec()),
        400,
        "body: is not JSON: invalid unicode",
    );
    s.row(
        "a document of more than 1 MiB",
        Request::new(CREATE).body(|| vec![b' '; (1 << 20) + 1]),
        413,
        "more bytes than are allowed here",
    );
    s.row(
        "a document that is compressed",
        Request::new(CREATE)
            .header("content-encoding: gzip")
            .body(|| gzip(br#"{"name":"x","feedType":"npm"}"#)),
        400,
        "content-encoding: must not be used on this request",
    );
    s.row("no name", create(r#"{"feedType":"npm"}"#), 400, "name: must be given, as a text");
    s.row(
        "a name that is a number",
        create(r#"{"name":1,"feedType":"npm"}"#),
        400,
        "name: must be given, as a text",
    );
    s.row(
        "an empty name",
        create(r#"{"name":"","feedType":"npm"}"#),
        400,
        "name: must have 1 to 80 characters",
    );
    s.row(
        "a name of 81 characters",
        Request::new(CREATE).body(|| json!({"name": "n".repeat(81), "feedType": "npm"}).to_string().into()),
        400,
        "name: must have 1 to 80 characters",
    );
    s.row(
        "a name that climbs",
        create(r#"{"name":"../etc","feedType":"npm"}"#),
        400,
        "name: may contain only letters, digits",
    );
    s.row(
        "a name with a zero byte",
        create(r#"{"name":"a\u0000b","feedType":"npm"}"#),
        400,
        "name: may contain only letters, digits",
    );
    s.row(
        "a name that is two dots",
        create(r#"{"name":"..","feedType":"npm"}"#),
        400,
        "name: must begin with a letter or digit",
    );
    s.row(
        "a name beyond ASCII",
        create(r#"{"name":"fütter","feedType":"npm"}"#),
        400,
        "name: may contain only letters, digits",
    );
    s.row(
        "a name that is taken, in other letters",
        create(r#"{"name":"JS","feedType":"npm"}"#),
        409,
        "there is a feed named JS already",
    );
    s.row(
        "a type that this server does not have",
        create(r#"{"name":"x","feedType":"floppy"}"#),
        400,
        "feedType: 'floppy' is not a feed type of this server; it has: npm, PyPI, Cargo",
    );
    s.row(
        "a type with a path in it",
        create(r#"{"name":"x","feedType":"../npm"}"#),
        400,
        "feedType: '../npm' is not a feed type of this server",
    );
    s.row(
        "an alternate name that is another feed's",
        create(r#"{"name":"x","feedType":"npm","alternateNames":["py"]}"#),
        409,
        "there is a feed named x or one of its alternate names already",
    );
    s.row(
        "a setting of the wrong type",
        create(r#"{"name":"x","feedType":"npm","active":"yes"}"#),
        400,
        "active: must be",
    );
    s.row(
        "a connector that is not there",
        create(r#"{"name":"x","feedType":"npm","connectors":["up"]}"#),
        404,
        "Connector up not found.",
    );
    s.row(
        "a change of a feed that is not there",
        Request::new("POST /api/management/feeds/update/absent").text("{}"),
        404,
        "absent not found.",
    );
    s.row(
        "the deletion of a feed that is not there",
        Request::new("DELETE /api/management/feeds/delete/absent"),
        404,
        "absent not found.",
    );
    s.row(
        "the deletion of a feed by a path that climbs",
        Request::new("DELETE /api/management/feeds/delete/..%2fjs"),
        404,
        "Feed ../js not found.",
    );
    s.row(
        "a feed from somebody who may only look",
        create(r#"{"name":"x","feedType":"npm"}"#).from(Caller::Reader),
        403,
        "does not have the proper permissions",
    );
    s.row(
        "the deletion of a feed by nobody",
        Request::new("DELETE /api/management/feeds/delete/js").from(Caller::Nobody),
        401,
        "credentials are required to manage feeds",
    );
    s.row(
        "an address that is not there",
        Request::new("POST /api/management/feeds/explode").text("{}"),
        404,
        "there is nothing at this address",
    );
    s.row(
        "a method that the address does not take",
        Request::new("PATCH /api/management/feeds/create").text("{}"),
        405,
        "this address takes POST, PUT",
    );
    s.rows
}

fn keys() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "API keys");
    s.row("no type", key("{}"), 400, "type: must be System, Feed or Personal");
    s.row(
        "a type that does not exist",
        key(r#"{"type":"Root"}"#),
        400,
        "type: must be System, Feed or Personal",
    );
    s.row(
        "a system key that opens nothing",
        key(r#"{"type":"System"}"#),
        400,
        "systemApis: must name at least one of full-control",
    );
    s.row(
        "a system key for what does not exist",
        key(r#"{"type":"System","systemApis":["moon"]}"#),
        400,
        "systemApis: 'moon' is not one of",
    );
    s.row(
        "a feed key without a feed",
        key(r#"{"type":"Feed","packagePermissions":["view"]}"#),
        400,
        "feed: must name the feed",
    );
    s.row(
        "a feed key for a feed that is not there",
        key(r#"{"type":"Feed","feed":"absent","packagePermissions":["view"]}"#),
        404,
        "absent not found.",
    );
    s.row(
        "a permission that does not exist",
        key(r#"{"type":"Feed","feed":"js","packagePermissions":["own"]}"#),
        400,
        "packagePermissions: 'own' is not one of",
    );
    s.row(
        "an expiry that is no date",
        key(r#"{"type":"System","systemApis":["feeds"],"expiration":"tomorrow"}"#),
        400,
        "expiration: must be a date or a moment",
    );
    s.row(
        "an expiry in the year 99999",
        key(r#"{"type":"System","systemApis":["feeds"],"expiration":"99999-01-01"}"#),
        400,
        "expiration: must be a date or a moment",
    );
    s.row(
        "a name of two lines",
        key(r#"{"type":"System","systemApis":["feeds"],"displayName":"a\nb"}"#),
        400,
        "displayName: must be one line",
    );
    s.row(
        "a text that is too short to be a secret",
        key(r#"{"type":"System","systemApis":["feeds"],"key":"x"}"#),
        400,
        "key: must have 16 to 255 characters",
    );
    s.row(
        "a user that is not there",
        key(r#"{"type":"Personal","user":"nobody"}"#),
        404,
        "User nobody not found.",
    );
    s.row(
        "a key for more than its maker may",
        key(r#"{"type":"System","systemApis":["full-control"]}"#).from(Caller::Reader),
        403,
        "does not have the proper permissions",
    );
    s.row(
        "a revocation without a number",
        Request::new("POST /api/api-keys/delete"),
        400,
        "id: must be given in the query, as a number",
    );
    s.row(
        "a revocation of a number beyond all numbers",
        Request::new("POST /api/api-keys/delete?id=99999999999999999999"),
        400,
        "id: must be given in the query, as a number",
    );
    s.row(
        "a revocation of a key that is not there",
        Request::new("POST /api/api-keys/delete?id=-1"),
        404,
        "there is no API key -1",
    );
    s.rows
}
