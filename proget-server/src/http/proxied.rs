//! Connections that a balancer passes on as plain TCP: it says in a PROXY header, before the first
//! byte of TLS or HTTP, who the client is. Here the header is taken off the socket, from trusted
//! peers only; what it looks like is in `proxy_header.rs`.
//!
//! The specification warns of guessing whether a header is there, because a client could then
//! send one. So nobody is asked by default, peers that are not listed are never believed, and
//! whoever can should require headers of those that are.

use std::{net::SocketAddr, time::Duration};

use poem::{Addr, web::RemoteAddr};
use tokio::{io::AsyncReadExt, net::TcpStream, time::sleep};

use super::{
    proxies::ProxyTrust,
    proxy_header::{LONGEST, Reading, Source, read},
};

/// Must trusted proxies begin a connection with a header of the PROXY protocol, version 1 or 2?
/// In no case is a header taken from anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyProtocol {
    /// They do not. One that comes is refused like all that is neither HTTP nor TLS.
    #[default]
    Off,
    /// They may. Safe only if the proxies pass no client's bytes on without a header.
    Accepted,
    /// They must; without one they are refused. Others are served, without one.
    Required,
}

/// Between two looks at a connection that has said too little to tell what it is. A look leaves
/// the bytes where they are, so the kernel cannot wake us for the next ones.
const NEXT_LOOK: Duration = Duration::from_millis(5);

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotServed {
    #[error("the peer sent a PROXY header and is not among the trusted proxies")]
    Untrusted,
    #[error("the trusted proxy sent no PROXY header, and the setting 'proxy-protocol' requires one")]
    Missing,
    #[error("the trusted proxy's PROXY header cannot be used: {0}")]
    Bad(&'static str),
    #[error("the connection ended before its PROXY header did")]
    Ended(#[source] std::io::Error),
}

/// Takes the header off a connection whose first byte is there, and tells who is calling. Bounds
/// no time; whoever calls does.
pub(super) async fn caller(
    socket: &mut TcpStream,
    peer: SocketAddr,
    trust: &ProxyTrust,
) -> Result<RemoteAddr, NotServed> {
    if trust.proxy_protocol == ProxyProtocol::Off {
        return Ok(RemoteAddr(peer.into()));
    }
    if !trust.trusts(peer.ip().to_canonical()) {
        // Said here so that the log tells; a header in pieces is refused by what reads HTTP or TLS.
        let mut beginning = [0; 16];
        let seen = socket.peek(&mut beginning).await.map_err(NotServed::Ended)?;
        return match read(&beginning[..seen]) {
            Reading::Absent | Reading::Undecided => Ok(RemoteAddr(peer.into())),
            _ => Err(NotServed::Untrusted),
        };
    }
    let source = match (take(socket).await?, trust.proxy_protocol) {
        (Some(source), _) => source,
        (None, ProxyProtocol::Required) => return Err(NotServed::Missing),
        (None, _) => return Ok(RemoteAddr(peer.into())),
    };
    Ok(RemoteAddr(match source {
        Source::Client(address) => address.into(),
        Source::Itself => peer.into(),
        // Not the proxy's own: its address is trusted, and a client's headers must not be.
        Source::Unknown => Addr::custom("proxied", "unknown"),
    }))
}

/// Reads exactly the header, if there is one, and not a byte of what follows.
async fn take(socket: &mut TcpStream) -> Result<Option<Source>, NotServed> {
    let ended = || NotServed::Ended(std::io::ErrorKind::UnexpectedEof.into());
    // On the heap: this future is part of every connection's, and few have a header.
    let mut head = vec![0; LONGEST];
    let (mut taken, mut seen_before) = (0, 0);
    loop {
        let seen = taken + socket.peek(&mut head[taken..]).await.map_err(NotServed::Ended)?;
        match read(&head[..seen]) {
            Reading::Absent => return Ok(None),
            Reading::Bad(why) => return Err(NotServed::Bad(why)),
            Reading::Whole { length, source } => {
                socket.read_exact(&mut head[taken..length]).await.map_err(NotServed::Ended)?;
                return Ok(Some(source));
            }
            // All of it is the header's, so it can be taken, and the kernel tells of more.
            Reading::Incomplete if seen > taken => {
                socket.read_exact(&mut head[taken..seen]).await.map_err(NotServed::Ended)?;
                taken = seen;
            }
            Reading::Incomplete => return Err(ended()),
            Reading::Undecided if seen == 0 => return Err(ended()),
            Reading::Undecided => {
                if seen == seen_before {
                    sleep(NEXT_LOOK).await;
                }
                seen_before = seen;
            }
        }
    }
}

#[cfg(test)]
#[path = "proxied_tests.rs"]
mod tests;
