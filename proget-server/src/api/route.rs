//! One path of the API: method, caller and permission are judged here, then the handler is called.

use super::call::{Api, Call};
use crate::identity::{Brought, Places};
use crate::plain::{COMPATIBLE_VERSION, VERSION_HEADER, plain, refuse};
use futures::future::{BoxFuture, Either, join, ready};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use proget_core::access::Permission;
use proget_core::{Principal, Problem};
use std::sync::Arc;

/// A handler: whatever it needs is in the call.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Problem>>;

/// What a caller must be permitted before the handler is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing, because the answer holds what the caller may see and no more. Credentials that are
    /// not valid get what somebody without any rights gets: that is how ProGet answers.
    OwnView,
    /// To be somebody; the use-case judges what of.
    SignedIn,
    /// A permission in the instance as a whole.
    Instance(Permission),
    /// A permission in the feed that the path names.
    Feed(Permission),
}

/// How large a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// A document.
    Document,
    /// A package.
    Upload,
}

/// One route.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) methods: &'static [Method],
    pub(crate) path: &'static str,
    pub(crate) demand: Demand,
    pub(crate) size: Size,
    handler: Handler,
}

impl Row {
    pub(crate) const fn new(
        methods: &'static [Method],
        path: &'static str,
        demand: Demand,
        handler: Handler,
    ) -> Self {
        Self { methods, path, demand, size: Size::Document, handler }
    }

    pub(crate) const fn large(self) -> Self {
        Self { size: Size::Upload, ..self }
    }

    /// `GET` answers `HEAD`: the shell sends the head and drops the body.
    fn answers(&self, method: &Method) -> bool {
        self.methods.contains(method) || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}

/// All routes of one path.
pub(crate) struct PathRoute {
    pub(crate) api: Arc<Api>,
    pub(crate) rows: Vec<&'static Row>,
}

impl Endpoint for PathRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = match self.rows.iter().find(|row| row.answers(request.method())) {
            Some(row) => match self.admit(row, request) {
                Ok(admitting) => match admitting.await {
                    Ok(call) => (row.handler)(call).await.unwrap_or_else(|problem| refuse(&problem)),
                    Err(problem) => refuse(&problem),
                },
                Err(problem) => refuse(&problem),
            },
            None => self.method_not_allowed(),
        };
        response.headers_mut().insert(VERSION_HEADER, HeaderValue::from_static(COMPATIBLE_VERSION));
        Ok(response)
    }
}

impl PathRoute {
    fn admit<'a>(
        &'a self,
        row: &'static Row,
        request: Request,
    ) -> Result<impl Future<Output = Result<Call, Problem>> + Send + 'a, Problem> {
        let brought = match (row.demand, Brought::by(&request, Places::HeadersAndQuery)) {
            (Demand::OwnView, Err(_)) => None,
            (_, brought) => Some(brought?),
        };
        let name = request.raw_path_param("feed").unwrap_or_default();
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
        Ok(async move {
            let caller = async {
                match &brought {
                    Some(brought) => self.api.identity.of(brought).await,
                    None => Ok(Principal::anonymous()),
                }
            };
            let feed = match row.demand {
                Demand::Feed(_) => Either::Left(self.api.registry.feed(&name)),
                _ => Either::Right(ready(Err(Problem::NotFound(format!("Feed {name} not found."))))),
            };
            // Both may wait for a shared read of the catalogue; together they wait for one.
            let (caller, feed) = join(caller, feed).await;
            let (caller, known) = match (row.demand, caller) {
                (Demand::OwnView, Err(Problem::Unauthenticated(_))) => (Principal::anonymous(), false),
                (_, caller) => (caller?, true),
            };
            let registry = &self.api.registry;
            let admission = match row.demand {
                Demand::OwnView => None,
                Demand::SignedIn if caller.is_anonymous() => {
                    return Err(Problem::Unauthenticated("credentials are required for this".into()));
                }
                Demand::SignedIn => None,
                Demand::Instance(permission) => {
                    registry.demand(&caller, permission)?;
                    None
                }
                Demand::Feed(permission) => Some(registry.admit(&caller, &feed?, permission)?),
            };
            Ok(Call { api: self.api.clone(), caller, known, name, admission, request })
        })
    }

    fn method_not_allowed(&self) -> Response {
        let mut methods: Vec<&str> =
            self.rows.iter().flat_map(|row| row.methods).map(Method::as_str).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        let methods = methods.join(", ");
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, format!("this address takes {methods}"));
        if let Ok(allow) = methods.parse() {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}
