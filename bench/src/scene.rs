//! Everybody who takes part, started once: our server twice, nginx, and the peers.

use proget_core::conformance::Dice;
use proget_tests::Outcome;

use crate::compare::{Contender, Who, Work};
use crate::formats::Kind;
use crate::node::{self, Feed, Node};
use crate::peers::Peer;
use crate::statics::Statics;

/// All servers, and dice for their packages.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) alone: Node,
    pub(crate) postgres: Node,
    pub(crate) statics: Statics,
    pub(crate) verdaccio: Peer,
    pub(crate) pypiserver: Peer,
    pub(crate) dice: Dice,
}

/// The same feed on both of our servers.
#[derive(Debug)]
pub(crate) struct Feeds {
    pub(crate) alone: Feed,
    pub(crate) postgres: Feed,
}

/// A package that all servers of its format hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stock<'a> {
    pub(crate) name: &'a str,
    pub(crate) versions: usize,
    /// Bytes of noise in each version.
    pub(crate) payload: usize,
}

impl Scene {
    pub(crate) async fn set() -> Outcome<Self> {
        Ok(Self {
            alone: Node::alone().await?,
            postgres: Node::on_postgres().await?,
            statics: Statics::start().await?,
            verdaccio: Peer::verdaccio().await?,
            pypiserver: Peer::pypiserver().await?,
            dice: Dice::seeded(0x5eed),
        })
    }

    /// The peer of a format, if it has one.
    pub(crate) fn peer(&self, kind: Kind) -> Option<(&'static str, &Peer)> {
        match kind {
            Kind::Npm => Some(("Verdaccio", &self.verdaccio)),
            Kind::Pypi => Some(("pypiserver", &self.pypiserver)),
            Kind::Cargo => None,
        }
    }

    /// Whoever is to do this work, with the processes that do it.
    pub(crate) fn contender(&self, who: Who, work: Work) -> Outcome<Contender> {
        let processes = match who {
            Who::Nginx => self.statics.processes()?,
            Who::Postgres => vec![self.postgres.process.id()?],
            Who::Peer("Verdaccio") => self.verdaccio.processes(),
            Who::Peer(_) => self.pypiserver.processes(),
            Who::Alone | Who::Small | Who::Large => vec![self.alone.process.id()?],
        };
        Ok(Contender { who, work, processes })
    }

    /// Makes a feed on both of our servers.
    pub(crate) async fn feeds(&self, kind: Kind, name: &str) -> Outcome<Feeds> {
        Ok(Feeds {
            alone: self.alone.feed(kind, name).await?,
            postgres: self.postgres.feed(kind, name).await?,
        })
    }

    /// Publishes versions 1.0.0, 1.1.0 and so on, the same bytes to everybody.
    pub(crate) async fn stock(
        &mut self,
        kind: Kind,
        feeds: &Feeds,
        stock: Stock<'_>,
        peer: WithPeer,
    ) -> Outcome {
        let mut uploads = Vec::new();
        for version in 0..stock.versions {
            uploads.push(kind.upload(
                stock.name,
                &format!("1.{version}.0"),
                stock.payload,
                &mut self.dice,
            )?);
        }
        node::publish(&feeds.alone.publish, &uploads).await?;
        node::publish(&feeds.postgres.publish, &uploads).await?;
        if let (WithPeer::Yes, Some((_, peer))) = (peer, self.peer(kind)) {
            node::publish(&peer.door, &uploads).await?;
        }
        Ok(())
    }
}

/// Whether the format's peer takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithPeer {
    Yes,
    No,
}
