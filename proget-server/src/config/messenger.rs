//! The settings of the messenger, and what they mean together with where the server listens and where its
//! database is.

use super::checked::Reader;
use super::list as setting;
use crate::cluster::{Messaging, Port, TcpEndpoint};
use crate::http::ListenAddress;
use proget_cluster::messenger::DEFAULT_PORT;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// What was set about hints between servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessengerSettings {
    /// Where they are taken.
    pub endpoint: Endpoint,
    /// What others are told.
    pub address: Option<String>,
}

/// Where hints are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// Nothing was set.
    #[default]
    Usual,
    /// Nowhere.
    Off,
    /// Over TCP, exactly there.
    Tcp(SocketAddr),
    /// Through a socket in the file system.
    Unix(PathBuf),
}

impl Reader<'_> {
    pub(super) fn messenger(&mut self) -> MessengerSettings {
        MessengerSettings {
            endpoint: self.optional(&setting::MESSENGER_ENDPOINT, endpoint).unwrap_or_default(),
            address: self.optional(&setting::MESSENGER_ADDRESS, address),
        }
    }
}

impl MessengerSettings {
    /// What is to begin. `shared`: the host and port of the database, if other servers can use it too.
    pub(crate) fn messaging(&self, listen: &[ListenAddress], shared: Option<(String, u16)>) -> Messaging {
        let (listen, port) = match (&self.endpoint, &shared) {
            // Of others it hears nothing then; of its own orders it does, and a drain begins at once.
            (Endpoint::Off, _) | (Endpoint::Usual, None) => return Messaging::Within,
            (Endpoint::Unix(path), _) => return Messaging::Unix(path.clone()),
            (Endpoint::Tcp(listen), _) => (*listen, Port::Wanted),
            (Endpoint::Usual, Some(_)) => (usual(listen), Port::Usual),
        };
        Messaging::Tcp(TcpEndpoint { listen, port, advertised: self.address.clone(), toward: shared })
    }
}

/// As open to the world as the server itself: on the address of the first that is one.
fn usual(listen: &[ListenAddress]) -> SocketAddr {
    let first = listen.iter().find_map(|address| address.to_string().parse::<SocketAddr>().ok());
    let ip = first.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip());
    SocketAddr::new(ip, DEFAULT_PORT)
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let expected = || "expected tcp://ADDRESS:PORT, unix:///PATH or off".to_owned();
    if text == "off" {
        return Ok(Endpoint::Off);
    }
    if let Some(path) = text.strip_prefix("unix://") {
        let path = PathBuf::from(path);
        return if path.is_absolute() { Ok(Endpoint::Unix(path)) } else { Err(expected()) };
    }
    let place = text.strip_prefix("tcp://").ok_or_else(expected)?;
    // ProGet writes a star for every address of the machine.
    let place = place.replace('*', "0.0.0.0");
    place.parse().map(Endpoint::Tcp).map_err(|_| expected())
}

fn address(text: &str) -> Result<String, String> {
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_' | ':' | '[' | ']');
    if text.is_empty() || text.contains("://") || !text.chars().all(fits) {
        return Err("expected a host or an address, with or without a port".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_anything_else_is_refused() {
        assert_eq!(endpoint("off"), Ok(Endpoint::Off));
        assert_eq!(endpoint("tcp://*:33237"), Ok(Endpoint::Tcp(([0, 0, 0, 0], 33237).into())));
        assert!(matches!(endpoint("tcp://[::]:1"), Ok(Endpoint::Tcp(address)) if address.is_ipv6()));
        assert_eq!(endpoint("unix:///run/x"), Ok(Endpoint::Unix("/run/x".into())));
        for wrong in ["", "on", "tcp://", "tcp://host", "unix://x", "0.0.0.0:33237", "tcp://host:1"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "tcp://a:1", "a b", "a/b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_usual_messenger_is_as_open_as_the_server_and_only_there_if_others_can_be() {
        let listen: Vec<ListenAddress> = vec!["0.0.0.0:8624".parse().unwrap()];
        let usual = MessengerSettings::default();
        assert!(matches!(usual.messaging(&listen, None), Messaging::Within));
        let shared = Some(("db".to_owned(), 5432));
        let Messaging::Tcp(endpoint) = usual.messaging(&listen, shared) else { panic!("expected TCP") };
        assert_eq!((endpoint.listen, endpoint.port), (([0, 0, 0, 0], 33237).into(), Port::Usual));
    }

    #[test]
    fn a_server_that_hears_no_others_hears_its_own_orders() {
        let off = MessengerSettings { endpoint: Endpoint::Off, ..MessengerSettings::default() };
        assert!(matches!(off.messaging(&[], Some(("db".to_owned(), 5432))), Messaging::Within));
    }
}
