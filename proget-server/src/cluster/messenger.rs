//! The messenger that a server begins when it joins, as it was configured; and the addresses by which others
//! find it.

use proget_cluster::membership::Pulse;
use proget_cluster::messenger::{
    Hint, LateMessenger, LocalMessenger, Messenger, MessengerError, Pace, TcpMessenger, TcpSettings,
    UnixMessenger,
};
use proget_cluster::node::keep_calling;
use proget_core::ids::Incarnation;
use proget_core::keys::{Fingerprint, KeyRing};
use proget_core::watch::Touched;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How hints reach other servers. Without any everything is right, only later.
#[derive(Debug, Clone, Default)]
pub enum Messaging {
    /// They stay in this server.
    #[default]
    Within,
    /// Through this one, which other servers of the process may share.
    Given(Arc<dyn Messenger>),
    /// Through a socket to other processes of the same machine and user.
    Unix(PathBuf),
    /// Over TCP, sealed with a key that follows from the encryption key; without one it is as `Within`.
    Tcp(TcpEndpoint),
}

/// Where a server listens for hints over TCP, and what others are told about it.
#[derive(Debug, Clone)]
pub struct TcpEndpoint {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What if another program has the port?
    pub port: Port,
    /// The host, or host and port, that is published; by default what the machine is to the database's host.
    pub advertised: Option<String>,
    /// Host and port of the database: this machine's address is the one from which it gets there.
    pub toward: Option<(String, u16)>,
}

/// How much a port matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// It was asked for: without it the server does not start.
    Wanted,
    /// Any other will do, since the roster tells which.
    Usual,
}

/// A messenger that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) messenger: Arc<dyn Messenger>,
    /// Where others find it.
    pub(crate) address: Option<String>,
    peers: watch::Sender<Vec<String>>,
}

impl Messaging {
    /// Begins.
    ///
    /// # Errors
    /// It cannot listen where it must.
    pub(crate) async fn begin(
        &self,
        me: Incarnation,
        ring: Option<&KeyRing>,
        sealing: Option<Fingerprint>,
    ) -> Result<Begun, MessengerError> {
        let (peers, list) = watch::channel(Vec::new());
        let begun = |messenger, address| Begun { messenger, address, peers };
        let endpoint = match self {
            Self::Within => return Ok(begun(Arc::new(LocalMessenger::new()), None)),
            Self::Given(messenger) => return Ok(begun(messenger.clone(), None)),
            Self::Unix(path) => return Ok(begun(Arc::new(UnixMessenger::start(path.clone())?), None)),
            Self::Tcp(endpoint) => endpoint,
        };
        let keys = ring.map(|ring| {
            // The one that seals first: every server has it, or may not take part.
            let mut names = ring.fingerprints();
            names.sort_by_key(|name| Some(*name) != sealing);
            names.into_iter().filter_map(|name| ring.messenger_key(name).ok()).collect::<Vec<_>>()
        });
        let Some((key, accepted)) = keys.as_deref().and_then(<[_]>::split_first) else {
            return Ok(begun(Arc::new(LocalMessenger::new()), None));
        };
        let settings = |listen| TcpSettings {
            listen,
            key: key.clone(),
            accepted: accepted.to_vec(),
            me,
            pace: Pace::default(),
        };
        let started = match TcpMessenger::start(settings(endpoint.listen), list.clone()).await {
            Err(error) if endpoint.port == Port::Usual => {
                tracing::info!(%error, "another port is taken for hints; the roster tells the others which");
                let any = SocketAddr::new(endpoint.listen.ip(), 0);
                TcpMessenger::start(settings(any), list).await?
            }
            started => started?,
        };
        let address = endpoint.published(started.address()).await;
        tracing::info!(listening = %started.address(), published = address, "hints are taken from other servers");
        Ok(begun(Arc::new(started), Some(address)))
    }
}

impl TcpEndpoint {
    /// The address for the others.
    async fn published(&self, bound: SocketAddr) -> String {
        match &self.advertised {
            Some(named) if named.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) => {
                format!("[{named}]:{}", bound.port())
            }
            Some(named) if names_port(named) => named.clone(),
            Some(named) => format!("{named}:{}", bound.port()),
            None if !bound.ip().is_unspecified() => bound.to_string(),
            None => SocketAddr::new(self.own_address(bound).await, bound.port()).to_string(),
        }
    }

    /// What this machine is to the host of the database. Nothing is sent for that: the system is only asked
    /// which way it would go.
    async fn own_address(&self, bound: SocketAddr) -> IpAddr {
        let loopback: IpAddr =
            if bound.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let Some(toward) = self.toward.clone() else { return loopback };
        let any = SocketAddr::new(bound.ip(), 0);
        let asked = tokio::task::spawn_blocking(move || {
            let socket = UdpSocket::bind(any)?;
            socket.connect(toward)?;
            socket.local_addr()
        });
        asked.await.ok().and_then(Result::ok).map_or(loopback, |address| address.ip())
    }
}

fn names_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

impl Begun {
    /// Calls whoever is in the roster, until the node's heart stops.
    pub(crate) fn keep_calling(
        self,
        pulse: watch::Receiver<Pulse>,
        me: Incarnation,
        lost: Duration,
    ) -> impl Future<Output = ()> + Send {
        keep_calling(pulse, me, lost, self.peers)
    }
}

/// Gives hints about what a commit touched.
pub(crate) fn tell(messenger: &LateMessenger, touched: &Touched) {
    for feed in &touched.feeds {
        messenger.hint(Hint::FeedChanged(*feed));
    }
    if touched.jobs {
        messenger.hint(Hint::JobsWaiting);
    }
    if touched.settings {
        messenger.hint(Hint::SettingsChanged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(advertised: Option<&str>) -> TcpEndpoint {
        TcpEndpoint {
            listen: ([0, 0, 0, 0], 0).into(),
            port: Port::Usual,
            advertised: advertised.map(str::to_owned),
            toward: None,
        }
    }

    #[tokio::test]
    async fn what_is_published_can_be_called() {
        let anywhere: SocketAddr = ([0, 0, 0, 0], 5).into();
        for (advertised, published) in [
            (Some("cellar"), "cellar:5"),
            (Some("cellar:7"), "cellar:7"),
            (Some("10.0.0.9"), "10.0.0.9:5"),
            (Some("fd00::1"), "[fd00::1]:5"),
            (Some("[fd00::1]:7"), "[fd00::1]:7"),
            (None, "127.0.0.1:5"),
        ] {
            assert_eq!(endpoint(advertised).published(anywhere).await, published);
        }
        assert_eq!(endpoint(None).published(([10, 0, 0, 3], 5).into()).await, "10.0.0.3:5");
    }

    #[tokio::test]
    async fn two_servers_of_a_machine_find_each_other_though_only_one_has_the_usual_port() {
        let ring: KeyRing = "0f1e2d3c4b5a69788796a5b4c3d2e1f0".repeat(2).parse().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let usual = TcpEndpoint { listen: free, ..endpoint(None) };
        let one =
            Messaging::Tcp(usual.clone()).begin(Incarnation::random(), Some(&ring), None).await.unwrap();
        let two =
            Messaging::Tcp(usual.clone()).begin(Incarnation::random(), Some(&ring), None).await.unwrap();
        assert_eq!(one.address, Some(free.to_string()));
        assert_ne!(one.address, two.address);
        let wanted = Messaging::Tcp(TcpEndpoint { port: Port::Wanted, ..usual });
        assert!(wanted.begin(Incarnation::random(), Some(&ring), None).await.is_err());
        one.peers.send_replace(two.address.into_iter().collect());
        let mut heard = two.messenger.hints(proget_cluster::messenger::Topics::ALL);
        let said = async {
            // Until the other has been called there is nobody to keep a hint for.
            loop {
                one.messenger.hint(Hint::JobsWaiting);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let hint = async {
            tokio::select! { () = said => None, hint = futures::StreamExt::next(&mut heard) => hint }
        };
        let hint = tokio::time::timeout(Duration::from_secs(20), hint).await;
        assert_eq!(hint.unwrap(), Some(Hint::JobsWaiting));
    }
}
