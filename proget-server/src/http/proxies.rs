//! What trusted proxies tell about the request they pass on: who asked, and what he called us.
//! Anybody can send these headers; only a peer whose address is listed is believed, and only in
//! the one dialect that our proxies are known to overwrite, because a proxy passes on unharmed
//! what a client sent in the other.
//!
//! With several trusted proxies in a row each appends its part. We walk from the right while the
//! addresses are trusted; what the outermost trusted proxy wrote counts.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use poem::http::HeaderMap;

use super::proxied::ProxyProtocol;

/// Which peers are proxies of ours, and how they speak. By default nobody is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyTrust {
    /// The networks our proxies connect from.
    pub networks: Vec<ProxyNetwork>,
    /// Which headers they set. The others are ignored.
    pub dialect: ProxyDialect,
    /// Whether they say before the first byte who the client is.
    pub proxy_protocol: ProxyProtocol,
}

/// The headers in which a proxy reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyDialect {
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix`, as nearly all proxies send.
    #[default]
    XForwarded,
    /// `Forwarded` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)).
    Forwarded,
}

/// An IP network (`10.0.0.0/8`) or a single address (`10.0.0.7`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyNetwork(IpNet);

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an IP network; write for example 10.0.0.0/8, fd00::/8 or 192.168.1.7")]
pub struct BadProxyNetwork(String);

impl FromStr for ProxyNetwork {
    type Err = BadProxyNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| BadProxyNetwork(text.to_owned()))
    }
}

impl fmt::Display for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was told. Texts are as the proxy sent them: whoever uses them validates them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Told {
    pub(super) client: Option<IpAddr>,
    pub(super) scheme: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) prefix: Option<String>,
}

/// A trusted proxy's header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header '{0}' cannot be read")]
pub(super) struct MalformedHeader(pub(super) &'static str);

impl ProxyTrust {
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.0.contains(&address))
    }

    /// What the headers tell, if the peer may tell anything.
    pub(super) fn hear(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Told, MalformedHeader> {
        // On a socket for both families an IPv4 peer looks like ::ffff:10.0.0.7.
        let Some(peer) = peer.map(|address| address.to_canonical()) else { return Ok(Told::default()) };
        if !self.trusts(peer) {
            return Ok(Told { client: Some(peer), ..Told::default() });
        }
        match self.dialect {
            ProxyDialect::XForwarded => self.hear_x_forwarded(peer, headers),
            ProxyDialect::Forwarded => self.hear_forwarded(peer, headers),
        }
    }

    /// Walks the chain from the right: the client, and how many trusted proxies were passed.
    fn walk<'a>(&self, peer: IpAddr, chain: impl DoubleEndedIterator<Item = &'a str>) -> (IpAddr, usize) {
        let (mut client, mut hops) = (peer, 1);
        for told in chain.rev() {
            // "unknown" and hidden names end the walk: the proxy that wrote it is all we know.
            let Some(address) = node_address(told) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
            hops += 1;
        }
        (client, hops)
    }

    fn hear_x_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Told, MalformedHeader> {
        let chain = list(headers, "x-forwarded-for")?;
        let (client, hops) = self.walk(peer, chain.iter().copied());
        let pick = |name| Ok(outermost(&list(headers, name)?, hops).map(|text| text.to_string()));
        Ok(Told {
            client: Some(client),
            scheme: pick("x-forwarded-proto")?,
            host: pick("x-forwarded-host")?,
            port: pick("x-forwarded-port")?,
            prefix: pick("x-forwarded-prefix")?,
        })
    }

    fn hear_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Told, MalformedHeader> {
        const NAME: &str = "forwarded";
        let mut elements = Vec::new();
        for line in headers.get_all(NAME) {
            let line = line.to_str().map_err(|_| MalformedHeader(NAME))?;
            elements.extend(forwarded_elements(line).ok_or(MalformedHeader(NAME))?);
        }
        let chain = elements.iter().map(|element| element.client.as_deref().unwrap_or("unknown"));
        let (client, hops) = self.walk(peer, chain);
        let told = outermost(&elements, hops).cloned().unwrap_or_default();
        Ok(Told { client: Some(client), scheme: told.scheme, host: told.host, ..Told::default() })
    }
}

/// The part that the outermost of `hops` trusted proxies wrote, or the first if there are fewer.
fn outermost<T>(parts: &[T], hops: usize) -> Option<&T> {
    parts.get(parts.len().saturating_sub(hops))
}

/// The comma-separated parts of all lines of a header.
fn list<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Vec<&'h str>, MalformedHeader> {
    let mut parts = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| MalformedHeader(name))?;
        parts.extend(line.split(',').map(str::trim).filter(|part| !part.is_empty()));
    }
    Ok(parts)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node_address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    let address = match bracketed {
        Some(inner) => inner.parse().ok()?,
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))?,
    };
    Some(IpAddr::to_canonical(&address))
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ForwardedElement {
    client: Option<String>,
    scheme: Option<String>,
    host: Option<String>,
}

/// One line of `Forwarded`: elements separated by commas, pairs by semicolons, values as tokens
/// or quoted strings. `None` if it is not that.
fn forwarded_elements(line: &str) -> Option<Vec<ForwardedElement>> {
    let mut elements = vec![ForwardedElement::default()];
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find([';', ',']).unwrap_or(after.len());
                (after[..end].trim_end().to_owned(), &after[end..])
            }
        };
        let element = elements.last_mut()?;
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => element.client = Some(value),
            "proto" => element.scheme = Some(value),
            "host" => element.host = Some(value),
            _ => {}
        }
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            elements.push(ForwardedElement::default());
            rest = next.trim_start();
        } else if let Some(next) = rest.strip_prefix(';') {
            rest = next.trim_start();
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(elements)
}

/// The content of a quoted string whose opening quote is gone, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
#[path = "proxies_tests.rs"]
mod tests;
