//! Binding addresses, apart from serving them: a port in use is known, and said in one sentence,
//! before anything else starts; and whoever binds port 0 learns the real port before the first
//! request. What happens on the bound sockets is in `accept.rs`.

use crate::cluster::KeysRefused;
use proget_cluster::messenger::MessengerError;
use proget_cluster::node::JoinError;
use std::{
    fmt, io,
    net::SocketAddr,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::net::{TcpListener, lookup_host};

use super::proxies::ProxyTrust;

/// Where to listen: `address:port` or `name:port`, with IPv6 addresses in brackets.
/// Port 0 lets the system choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(String);

impl FromStr for ListenAddress {
    type Err = BadListenAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || BadListenAddress(text.to_owned());
        if text.parse::<SocketAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
        port.parse::<u16>().map_err(|_| refuse())?;
        let named = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if named { Ok(Self(text.to_owned())) } else { Err(refuse()) }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no listen address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address to listen on; write address:port, for example 127.0.0.1:8624 or [::]:8624")]
pub struct BadListenAddress(String);

/// Why an address cannot be listened on. The text names the address, the reason and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The addresses can be had, but the server has no place in its cluster.
    #[error("cannot join the cluster")]
    Join(#[from] JoinError),
    /// The server's encryption keys are not those of its cluster.
    #[error("cannot join the cluster")]
    Keys(#[from] KeysRefused),
    /// The address for hints from other servers cannot be had.
    #[error("cannot take hints from other servers")]
    Messenger(#[from] MessengerError),
    /// Another process (or another part of this one) listens there.
    #[error("cannot listen on {address}: the port is in use; stop the other program or choose another port")]
    InUse {
        /// What was asked for.
        address: ListenAddress,
    },
    /// The system wants more rights, usually for a port below 1024.
    #[error(
        "cannot listen on {address}: the system does not permit it; choose a port from 1024 on or give the program the right"
    )]
    Forbidden {
        /// What was asked for.
        address: ListenAddress,
    },
    /// The address belongs to no interface of this machine.
    #[error(
        "cannot listen on {address}: this machine has no such address; use one of its own, or 0.0.0.0 for all"
    )]
    NotHere {
        /// What was asked for.
        address: ListenAddress,
    },
    /// The name has no address.
    #[error("cannot listen on {address}: the name has no address; write an IP address instead")]
    Unresolved {
        /// What was asked for.
        address: ListenAddress,
        /// What the resolver said.
        source: io::Error,
    },
    /// Anything else; the source says what.
    #[error("cannot listen on {address}")]
    Other {
        /// What was asked for.
        address: ListenAddress,
        /// What the system said.
        source: io::Error,
    },
    /// No address was given at all.
    #[error("there is no address to listen on; give at least one, for example 127.0.0.1:8624")]
    NoAddress,
}

/// Bound sockets that nobody serves yet. Connections already queue in the kernel.
#[derive(Debug)]
pub struct Listeners {
    pub(super) sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    pub(super) proxies: ProxyTrust,
    pub(super) departure: Departure,
}

/// Tells the connections of a server that it is about to leave: from then on every HTTP/1.1
/// answer closes its connection, so that hardly any is idle when the listening sockets close.
#[derive(Debug, Clone, Default)]
pub struct Departure(Arc<AtomicBool>);

impl Departure {
    /// The server is about to leave. There is no way back.
    pub fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Listeners {
    /// Binds every address. A name is bound at its first address that can be bound.
    ///
    /// # Errors
    /// The first address that cannot be bound; those bound before it are released.
    pub async fn bind(wanted: &[ListenAddress]) -> Result<Self, ListenError> {
        if wanted.is_empty() {
            return Err(ListenError::NoAddress);
        }
        let mut sockets = Vec::with_capacity(wanted.len());
        let mut addresses = Vec::with_capacity(wanted.len());
        for address in wanted {
            let socket = bind_one(address).await?;
            let bound = socket
                .local_addr()
                .map_err(|source| ListenError::Other { address: address.clone(), source })?;
            sockets.push(socket);
            addresses.push(bound);
        }
        Ok(Self { sockets, addresses, proxies: ProxyTrust::default(), departure: Departure::default() })
    }

    /// From these proxies connections may begin with a header of the PROXY protocol, if
    /// [`ProxyTrust::proxy_protocol`] says so. Without this call nobody's may.
    #[must_use]
    pub fn behind(self, proxies: ProxyTrust) -> Self {
        Self { proxies, ..self }
    }

    /// With this the connections are told that the server is about to leave.
    #[must_use]
    pub fn departure(&self) -> Departure {
        self.departure.clone()
    }

    /// The addresses as bound, in the order asked for, with real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

async fn bind_one(address: &ListenAddress) -> Result<TcpListener, ListenError> {
    let candidates = lookup_host(address.0.as_str())
        .await
        .map_err(|source| ListenError::Unresolved { address: address.clone(), source })?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for candidate in candidates {
        match TcpListener::bind(candidate).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    let address = address.clone();
    Err(match last.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address },
        io::ErrorKind::PermissionDenied => ListenError::Forbidden { address },
        io::ErrorKind::AddrNotAvailable => ListenError::NotHere { address },
        _ => ListenError::Other { address, source: last },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_host_and_a_port() {
        for good in ["127.0.0.1:8624", "[::]:0", "localhost:80", "my_host.example:1"] {
            assert_eq!(good.parse::<ListenAddress>().map(|a| a.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "8624", ":8624", "127.0.0.1", "::1:80:", "a b:80", "host:70000", "http://x:80"] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad} was taken");
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_in_one_sentence() {
        let first = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let taken = ListenAddress::from(first.addresses()[0]);
        let error = Listeners::bind(std::slice::from_ref(&taken)).await.unwrap_err();
        assert!(matches!(error, ListenError::InUse { .. }), "{error:?}");
        assert!(error.to_string().contains(&taken.to_string()));
    }

    #[tokio::test]
    async fn several_addresses_are_bound_and_told() {
        let wanted = ["127.0.0.1:0".parse().unwrap(), "localhost:0".parse().unwrap()];
        let bound = Listeners::bind(&wanted).await.unwrap();
        assert_eq!(bound.addresses().len(), 2);
        assert!(bound.addresses().iter().all(|a| a.port() != 0));
        assert!(matches!(Listeners::bind(&[]).await, Err(ListenError::NoAddress)));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
        let error = Listeners::bind(&["192.0.2.1:0".parse().unwrap()]).await.unwrap_err();
        assert!(matches!(error, ListenError::NotHere { .. }), "{error:?}");
    }
}
