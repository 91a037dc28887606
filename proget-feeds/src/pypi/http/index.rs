//! The simple index: what pip, uv and their kin read to find files.

use crate::http::{FeedDoor, answer};
use crate::pypi::accept::{self, Form};
use crate::pypi::simple::{self, ProjectList};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use poem::http::{Method, StatusCode, header};
use poem::{Body, Request, Response};
use proget_core::Problem;
use proget_core::access::Permission;
use proget_core::catalog::{PageRequest, Search, Visibility};
use proget_core::package::NameKey;
use std::io;

/// So many projects are read at once.
const PAGE: u32 = 500;

/// The page of one project: <https://peps.python.org/pep-0503/>, <https://peps.python.org/pep-0691/>.
pub(super) async fn project(door: &FeedDoor, name: &NameKey, request: &Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let Some(form) = wanted(request) else { return Ok(not_acceptable()) };
    let render = move |rows: &_| Some(answer::rendered(simple::page(rows, form)?, form.content_type()));
    let document = door.document(name, form.content_type(), render).await?;
    Ok(answer::document(door.feed(), &document, request))
}

/// The list of all projects, sent page by page, so that a feed of any size costs the memory of one.
///
/// The first page is read before the answer begins, so that what goes wrong there is an error. Later
/// the connection is cut, and the client sees that the list does not end.
pub(super) async fn projects(door: &FeedDoor, request: &Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let Some(form) = wanted(request) else { return Ok(not_acceptable()) };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, form.content_type())
        .header(header::VARY, "Accept")
        .header(header::CACHE_CONTROL, "private, no-cache");
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let list = ProjectList::new(form);
    let head = list.head();
    let mut parts = Parts { door: door.clone(), list, next: Some(PageRequest::first(PAGE)) };
    let first = parts.read(head).await?;
    let rest = stream::try_unfold(parts, |mut parts| async move {
        if parts.next.is_none() {
            return Ok(None);
        }
        let part = parts.read(String::new()).await;
        let part = part.map_err(|_| io::Error::other("the list could not be read to its end"))?;
        Ok(Some((part, parts)))
    });
    let body = stream::once(async { Ok::<_, io::Error>(first) }).chain(rest);
    Ok(response.body(Body::from_bytes_stream(body)))
}

/// Everything that is needed for the next part of the list.
struct Parts {
    door: FeedDoor,
    list: ProjectList,
    next: Option<PageRequest>,
}

impl Parts {
    /// The next part, behind `text`; the end with the last one.
    async fn read(&mut self, mut text: String) -> Result<Bytes, Problem> {
        let Some(request) = self.next.take() else { return Ok(Bytes::new()) };
        // Yanked projects can still be installed by version, so they are listed too.
        let search = Search { visibility: Visibility::All, ..Search::default() };
        let page = self.door.search(&search, &request).await?;
        for found in &page.rows {
            self.list.write(&found.package.name, &mut text);
        }
        self.next = page.next.map(|after| PageRequest { after: Some(after), limit: PAGE });
        if self.next.is_none() {
            text.push_str(self.list.end());
        }
        Ok(text.into())
    }
}

/// To the one address that a page has: relative addresses in it count from there.
pub(super) fn redirect(door: &FeedDoor, path: &str) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    Ok(Response::builder()
        .status(StatusCode::MOVED_PERMANENTLY)
        .header(header::LOCATION, format!("{}/{path}", door.root()))
        .header(header::CACHE_CONTROL, "no-store")
        .finish())
}

/// By the address's `format`, or else by the `Accept` headers.
fn wanted(request: &Request) -> Option<Form> {
    let query = request.uri().query().unwrap_or_default();
    let format = query.split('&').find_map(|pair| pair.strip_prefix("format="));
    if let Some(format) = format {
        let format = percent_encoding::percent_decode_str(format).decode_utf8_lossy().into_owned();
        return accept::wanted([format.as_str()]);
    }
    let headers = request.headers().get_all(header::ACCEPT);
    accept::wanted(headers.iter().filter_map(|value| value.to_str().ok()))
}

fn not_acceptable() -> Response {
    let forms = [Form::Json, Form::Html, Form::PlainHtml].map(Form::media_type).join(", ");
    Response::builder()
        .status(StatusCode::NOT_ACCEPTABLE)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::VARY, "Accept")
        .header(header::CACHE_CONTROL, "no-store")
        .body(format!("none of what the Accept header names is served here: {forms}\n"))
}
