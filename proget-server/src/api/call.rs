//! What a handler of the API gets, and the ways to read a request and to answer it.

use crate::http::PublicUrl;
use crate::identity::Identity;
use bytes::Bytes;
use poem::http::header;
use poem::{Request, Response};
use proget_cluster::node::Cluster;
use proget_core::registry::Admission;
use proget_core::{Feed, FeedFormat, Principal, Problem, Refusal, Registry};
use proget_feeds::http::{FeedDoor, FeedProtocol, intake};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Largest JSON document that is taken, in bytes.
const DOCUMENT: usize = 1 << 20;

/// What all calls share.
pub(crate) struct Api {
    pub(crate) registry: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) protocols: Vec<Arc<dyn FeedProtocol>>,
    pub(crate) cluster: Arc<Cluster>,
}

/// One call, permitted.
pub(crate) struct Call {
    pub(super) api: Arc<Api>,
    /// Who is calling.
    pub(super) caller: Principal,
    /// Whether the caller is what their credentials say, and not nobody because those are not valid.
    pub(super) known: bool,
    /// The feed that the path names, if it names one.
    pub(super) name: String,
    pub(super) admission: Option<Admission>,
    pub(super) request: Request,
}

impl Call {
    pub(super) fn registry(&self) -> &Registry {
        &self.api.registry
    }

    /// The permission that the table demanded in the feed of the path.
    pub(super) fn admission(&self) -> Result<&Admission, Problem> {
        let missing = || Problem::NotFound(format!("Feed {} not found.", self.name));
        self.admission.as_ref().ok_or_else(missing)
    }

    /// The feed of the path and its format.
    pub(super) fn format(&self) -> Result<&'static dyn FeedFormat, Problem> {
        let id = &self.admission()?.feed().format;
        let format = self.registry().format(id);
        format.ok_or_else(|| Problem::Unsupported(format!("this server has no feed type '{id}'")))
    }

    /// The feed as its own protocol sees it.
    pub(super) fn door(&self) -> Result<FeedDoor, Problem> {
        let feed = self.admission()?.feed().clone();
        let root = self.endpoint_of(&feed).unwrap_or_default();
        Ok(FeedDoor::new(self.api.registry.clone(), feed, self.caller.clone(), root))
    }

    /// Where clients find a feed, without trailing slash; nowhere if this server does not serve its type.
    pub(super) fn endpoint_of(&self, feed: &Feed) -> Option<String> {
        let protocol = self.api.protocols.iter().find(|protocol| protocol.format().id() == feed.format)?;
        let url = self.request.data::<PublicUrl>()?;
        Some(url.join(&format!("/{}/{}", protocol.mount(), feed.name)))
    }

    /// A value of the query, unless it is empty.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    }

    /// The body as a JSON object.
    pub(super) async fn object(&mut self) -> Result<Map<String, Value>, Problem> {
        let bytes = intake::small(&mut self.request, DOCUMENT).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::new("body", "must be a JSON object").into()),
            Err(error) => Err(Refusal::new("body", format!("is not JSON: {error}")).into()),
        }
    }
}

/// A JSON answer that nobody keeps.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_vec(value).map_err(|error| Problem::internal("writing an answer", &error))?;
    Ok(json_bytes(text.into()))
}

pub(super) fn json_bytes(text: Bytes) -> Response {
    json_head().body(text)
}

pub(super) fn json_head() -> poem::ResponseBuilder {
    Response::builder()
        .content_type("application/json; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
}

/// Success with nothing to say.
pub(super) fn done() -> Response {
    Response::builder().header(header::CACHE_CONTROL, "no-store").finish()
}
