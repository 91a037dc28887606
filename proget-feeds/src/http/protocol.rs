//! What a feed type implements to be spoken over HTTP.

use super::{FeedDoor, RawTail};
use async_trait::async_trait;
use poem::{Request, Response};
use proget_core::package::NameKey;
use proget_core::{FeedFormat, Problem};
use std::fmt;

/// How much of an endpoint is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// As its specification says.
    Full,
    /// Enough for the clients; the text says what is missing.
    Partial(&'static str),
    /// Answered, so that clients go on, but there is nothing behind it.
    Absent(&'static str),
}

/// One row of the contract: what is served, and where it is specified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: &'static str,
    /// The path behind the feed's root, with `{name}` for variable parts.
    pub path: &'static str,
    /// How much of it is there.
    pub support: Support,
    /// The specification it follows.
    pub specification: &'static str,
}

/// The HTTP half of a feed type: the paths and documents that real clients expect.
///
/// # What an implementation must promise
/// - Every path is admitted through the door before anything about the feed is answered, and
///   before the body is touched; answers for everybody are named in the contract.
/// - The path is parsed from the raw tail into validated types; what is not one of them is `NotFound` or `Refused`.
/// - `HEAD` is answered wherever `GET` is, with the same headers and no body.
/// - Bodies are never held whole, except documents under a stated limit.
/// - Every problem is rendered by `refuse`, in the dialect in which this client shows errors to people.
#[async_trait]
pub trait FeedProtocol: fmt::Debug + Send + Sync + 'static {
    /// The pure half.
    fn format(&self) -> &'static dyn FeedFormat;

    /// The first segment of its paths: `npm` for `/npm/{feed}/…`.
    fn mount(&self) -> &'static str;

    /// The package that reading at this path is about, if the path tells. Only a hint, by which the
    /// catalogue is asked about the package in the same read as about the caller and the feed.
    fn package(&self, tail: &RawTail) -> Option<NameKey> {
        let _ = tail;
        None
    }

    /// Answers a request to a feed of this type. A problem that is returned is rendered by [`FeedProtocol::refuse`].
    async fn call(&self, door: FeedDoor, tail: RawTail, request: Request) -> Result<Response, Problem>;

    /// The same problem, in this client's dialect; status, headers and body.
    fn refuse(&self, problem: &Problem) -> Response;

    /// Everything that is served.
    fn contract(&self) -> &'static [Endpoint];
}
