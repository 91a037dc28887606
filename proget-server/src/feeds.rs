//! From a request to a feed type: one dynamic route per type, because feeds come and go at run time.
//!
//! The path is taken raw: the first segment is the type's mount, the second the feed's name, and
//! the rest is the feed type's own to parse. Nothing of the body is read before the caller is known.

use crate::figures::list::STALE_ANSWERS;
use crate::http::{ClientAddress, PublicUrl};
use crate::identity::{Brought, Identity, Places};
use crate::stale::{Reach, StaleReaders, StaleReads, marked};
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
    pub(crate) stale: StaleReads,
    pub(crate) reach: Reach,
}

impl Endpoint for FeedRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if self.reach.is_cut_off()
            && self.stale.readers != StaleReaders::Nobody
            && matches!(*request.method(), Method::GET | Method::HEAD)
        {
            let answer = self.stale(request).await;
            let outcome = if answer.is_some() { "answered" } else { "refused" };
            metrics::counter!(STALE_ANSWERS, "outcome" => outcome).increment(1);
            return Ok(answer.unwrap_or_else(|| self.protocol.refuse(&Problem::busy("the database"))));
        }
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
        let root = self.root(request, &name);
        async move {
            let brought = brought?;
            // All may wait for a shared read of the catalogue; together they wait for one.
            let package = || reads.then(|| self.protocol.package(&tail)).flatten();
            let foreseen = self.registry.foresee(&name, package);
            let (caller, feed, foreseen) =
                join3(self.identity.of(&brought), self.feed_of(&self.registry, &name), foreseen).await;
            let (caller, feed) = (caller?, feed?);
            let sign_in = self.sign_in.clone().map(|inner| self.identity.slowed(inner, address));
            let door = FeedDoor::new(self.registry.clone(), feed, caller, root);
            Ok((door.with_sign_in(sign_in).with_foreseen(foreseen), tail))
        }
    }

    /// The answer from memory, if there is one. Everything else, "not there" and "you may not" included,
    /// is for servers that reach the database to say.
    async fn stale(&self, request: Request) -> Option<Response> {
        let view = self.registry.stale(self.stale.bound)?;
        let caller = self.identity.remembered(&Brought::by(&request, Places::Headers).ok()?);
        let (name, tail) = split(request.uri().path());
        let feed = self.feed_of(view.registry(), &name).await.ok()?;
        let door = FeedDoor::new(view.registry().clone(), feed, caller, self.root(&request, &name));
        let response = self.protocol.call(door, tail, request).await.ok()?;
        marked(response, view.age())
    }

    /// The feed's address, as clients call it.
    fn root(&self, request: &Request, name: &str) -> Arc<str> {
        let base = request.data::<PublicUrl>().map(PublicUrl::as_str).unwrap_or_default();
        [base, "/", self.protocol.mount(), "/", name].concat().into()
    }

    /// A feed of another type is not here, whatever it is called.
    async fn feed_of(&self, registry: &Registry, name: &str) -> Result<Arc<Feed>, Problem> {
        let feed = registry.feed(name).await?;
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
