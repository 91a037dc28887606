//! The shell around all routes, as one endpoint whose `call` reads as the list of what happens
//! to every request. It holds wherever the endpoint is mounted: under our own accept loop, in
//! another Poem application, or called directly in a test.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use poem::{
    Endpoint, IntoResponse, Request, RequestParts, Response,
    endpoint::{DynEndpoint, ToDynEndpoint},
    http::{StatusCode, Uri},
};
use tracing::Instrument;

use super::{
    accept::SharedEndpoint,
    body,
    gate::Gate,
    problem::problem,
    proxies::{MalformedHeader, Told},
    public_url::Addressing,
    record::{ClientAddress, RequestRecord},
    request_id::RequestId,
    settings::{Limits, Timeouts},
};

/// All routes, under the shell. Handlers find in the request's extensions: [`RequestId`],
/// [`ClientAddress`], [`PublicUrl`](super::PublicUrl) and [`BodyAllowance`](super::BodyAllowance).
pub struct Shell<E> {
    routes: E,
    gate: Gate,
    addressing: Addressing,
    limits: Limits,
    timeouts: Timeouts,
}

impl<E: Endpoint> Shell<E> {
    /// Puts the routes under the shell.
    pub fn new(routes: E, limits: &Limits, timeouts: &Timeouts, addressing: Addressing) -> Self {
        Self {
            routes,
            gate: Gate::new(limits),
            addressing,
            limits: limits.clone(),
            timeouts: timeouts.clone(),
        }
    }

    /// As the accept loop takes it.
    pub fn shared(self) -> SharedEndpoint
    where
        E: 'static,
    {
        let shared: Arc<dyn DynEndpoint<Output = Response>> = Arc::new(ToDynEndpoint(self));
        shared
    }

    async fn answer(&self, mut request: Request, heard: Result<Told, MalformedHeader>) -> Response {
        let told = match heard {
            Ok(told) => told,
            Err(malformed) => return problem(StatusCode::BAD_REQUEST, malformed.to_string()),
        };
        let public_url = match self.addressing.public_url(&request, &told) {
            Ok(public_url) => public_url,
            Err(error) => return problem(StatusCode::BAD_REQUEST, error.to_string()),
        };
        request.set_data(public_url);
        if let Some(inner) = self.addressing.inner_uri(request.uri()) {
            request = retarget(request, inner);
        }
        let _place = if is_probe(request.uri().path()) {
            None
        } else {
            match self.gate.enter().await {
                Ok(place) => Some(place),
                Err(overloaded) => return overloaded.into_response(),
            }
        };
        let allowance = body::guard(&mut request, &self.limits, &self.timeouts);
        let response = match self.routes.call(request).await {
            Ok(output) => output.into_response(),
            Err(error) => error.into_response(),
        };
        match allowance {
            Some(allowance) => allowance.judge(response),
            None => response,
        }
    }
}

impl<E: Endpoint> Endpoint for Shell<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
        let heard = self.addressing.proxies.hear(peer, request.headers());
        let client = heard.as_ref().map_or(peer, |told| told.client);
        let record = RequestRecord::open(&mut request, ClientAddress(client));
        let span = record.span();
        let answering = self.answer(request, heard).instrument(span);
        let response = match AssertUnwindSafe(answering).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => report_panic(record.id(), &*panic),
        };
        Ok(record.answer(response))
    }
}

/// Paths that are answered also under overload and logged quietly: `/health`, what is below it,
/// and `/metrics`. Whoever operates an overloaded server needs them most.
pub(super) fn is_probe(path: &str) -> bool {
    path == "/metrics"
        || path.strip_prefix("/health").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same request for another target; also `original_uri` becomes the new one, so that
/// handlers which parse the raw path see what they would see without the prefix.
fn retarget(request: Request, target: Uri) -> Request {
    let addresses = (request.local_addr().clone(), request.remote_addr().clone(), request.scheme().clone());
    let (old, body) = request.into_parts();
    let (mut new, ()) = poem::http::Request::new(()).into_parts();
    new.method = old.method;
    new.uri = target;
    new.version = old.version;
    new.headers = old.headers;
    new.extensions = old.extensions;
    let (local, remote, scheme) = addresses;
    Request::from_parts(RequestParts::from((new, local, remote, scheme)), body)
}

/// A panic is our bug: the client gets the number under which the log has the story.
fn report_panic(id: &RequestId, panic: &(dyn Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(%id, message, "a handler panicked");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("something went wrong inside the server; its log has the details under reference {id}"),
    )
}
