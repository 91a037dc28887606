//! From a request to a feed type: one dynamic route per type, because feeds come and go at run time.
//!
//! The path is taken raw: the first segment is the type's mount, the second the feed's name, and
//! the rest is the feed type's own to parse. Nothing of the body is read before the caller is known.

use crate::http::{ClientAddress, PublicUrl};
use crate::identity::{Brought, Identity, Places};
use futures::future::join3;
use percent_encoding::percent_decode_str;
use poem::http::Method;
use poem::{Endpoint, Request, Response};
use proget_core::{Feed, Problem, Registry};
use proget_feeds::http::{FeedDoor, FeedProtocol, RawTail, SignIn};
use std::sync::Arc;

/// All feeds of one type.
#[derive(Debug)]
pub(crate) struct FeedRoute {
    pub(crate) protocol: Arc<dyn FeedProtocol>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) sign_in: Option<Arc<dyn SignIn>>,
}

impl Endpoint for FeedRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let outcome = match self.admit(&request).await {
            Ok((door, tail)) => self.protocol.call(door, tail, request).await,
            Err(problem) => Err(problem),
        };
        Ok(outcome.unwrap_or_else(|problem| self.protocol.refuse(&problem)))
    }
}

impl FeedRoute {
    fn admit<'a>(
        &'a self,
        request: &Request,
    ) -> impl Future<Output = Result<(FeedDoor, RawTail), Problem>> + Send + 'a {
        let brought = Brought::by(request, Places::Headers);
        let (name, tail) = split(request.uri().path());
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let address = request.data::<ClientAddress>().and_then(|client| client.0);
        let base = request.data::<PublicUrl>().map(PublicUrl::as_str).unwrap_or_default();
        let root: Arc<str> = [base, "/", self.protocol.mount(), "/", &name].concat().into();
        async move {
            let brought = brought?;
            // All may wait for a shared read of the catalogue; together they wait for one.
            let package = || reads.then(|| self.protocol.package(&tail)).flatten();
            let foreseen = self.registry.foresee(&name, package);
            let (caller, feed, foreseen) =
                join3(self.identity.of(&brought), self.feed(&name), foreseen).await;
            let (caller, feed) = (caller?, feed?);
            let sign_in = self.sign_in.clone().map(|inner| self.identity.slowed(inner, address));
            let door = FeedDoor::new(self.registry.clone(), feed, caller, root);
            Ok((door.with_sign_in(sign_in).with_foreseen(foreseen), tail))
        }
    }

    /// A feed of another type is not here, whatever it is called.
    async fn feed(&self, name: &str) -> Result<Arc<Feed>, Problem> {
        let feed = self.registry.feed(name).await?;
        if feed.format == self.protocol.format().id() {
            Ok(feed)
        } else {
            Err(Problem::NotFound(format!("Feed {name} not found.")))
        }
    }
}

/// The feed's name, as the client wrote it, and the rest. The name stays as written because
/// clients send their credentials only to addresses that begin like the one they were given.
fn split(path: &str) -> (String, RawTail) {
    let behind_mount = path.strip_prefix('/').unwrap_or(path).split_once('/').map_or("", |(_, rest)| rest);
    let (name, tail) = behind_mount.split_once('/').unwrap_or((behind_mount, ""));
    (percent_decode_str(name).decode_utf8_lossy().into_owned(), RawTail::new(tail))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_tail_stays_raw_and_the_name_is_decoded_once() {
        let (name, tail) = split("/npm/Internal/@acme%2fwidget/-/x.tgz");
        assert_eq!((name.as_str(), tail.as_str()), ("Internal", "@acme%2fwidget/-/x.tgz"));
        let (name, tail) = split("/npm/a%2fb");
        assert_eq!((name.as_str(), tail.as_str()), ("a/b", ""));
        for empty in ["/npm", "/npm/"] {
            assert_eq!(split(empty).0, "");
        }
    }
}
