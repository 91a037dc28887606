//! Questions in XML, as `pip search` asks them: <https://github.com/pypi/warehouse/blob/main/docs/dev/api-reference/xml-rpc.rst>.
//!
//! None is answered here; but the answer says so in the form in which clients look for one.

use crate::http::{FeedDoor, intake};
use poem::http::header;
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::access::Permission;

/// A question may be this long.
const LARGEST: u64 = 1 << 20;

const FAULT: &str = "<?xml version='1.0'?>\n<methodResponse><fault><value><struct>\
<member><name>faultCode</name><value><int>-32601</int></value></member>\
<member><name>faultString</name><value><string>this feed has no XML-RPC and so no search by pip; \
browse the simple index, or search on the server itself</string></value></member>\
</struct></value></fault></methodResponse>\n";

pub(super) async fn call(door: &FeedDoor, request: &mut Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let form = request.content_type().is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/"));
    if form {
        return Err(Problem::Unsupported(format!("packages are uploaded to {}/legacy/", door.root())));
    }
    intake::ignore(request, LARGEST).await?;
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(FAULT))
}
