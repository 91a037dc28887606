//! A port of which a firewall drops everything: whoever calls it gets no answer, not even a refusal.
//!
//! No rule of a real firewall, which would need the kernel's help and harm others: a listener that never
//! accepts, and whose queue is full, is dropped upon in the same way, packet by packet.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::ensure;
use tokio::net::TcpSocket;

use crate::Outcome;

/// How long a caller on loopback waits who will never be answered.
const SILENCE: Duration = Duration::from_millis(300);

/// Dropped, the port is closed as usual.
#[derive(Debug)]
pub struct Firewalled {
    address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
}

impl Firewalled {
    /// A port of this machine that nobody reaches from now on.
    ///
    /// Panics outside of tokio's runtime.
    pub fn port() -> Outcome<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(0)?;
        let address = listener.local_addr()?;
        let mut queued = Vec::new();
        while let Ok(caller) = TcpStream::connect_timeout(&address, SILENCE) {
            queued.push(caller);
            ensure!(queued.len() < 16, "the queue of {address} does not fill");
        }
        Ok(Self { address, _listener: listener, _queued: queued })
    }

    /// Whom to call in vain.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
