//! The PROXY protocol's header, from bytes to who is calling: both versions of
//! [its specification](https://github.com/haproxy/haproxy/blob/master/doc/proxy-protocol.txt).
//! Pure; the socket is in `proxied.rs`. The fuzzer includes this very file, so it needs no crate.
//!
//! Longer than the specification's own examples are headers whose extensions carry a client's
//! certificate; they are skipped, checksums too, and 4 KiB are enough for all that balancers
//! send. Datagrams cannot come over TCP, so a header that says so is a lie.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// No header is longer than this, in bytes.
pub(super) const LONGEST: usize = 4096;

const SIGNATURE_1: &[u8] = b"PROXY ";
const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// A line of version 1, its end included, as the specification bounds it.
const LONGEST_LINE: usize = 107;
/// Version 2: signature, command, family, length.
const FIXED: usize = 16;

/// On whose behalf a proxy has connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// This client's.
    Client(SocketAddr),
    /// Somebody's, but the proxy cannot say whose.
    Unknown,
    /// Its own, to see whether we are well.
    Itself,
}

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// No header, whatever follows.
    Absent,
    /// Too few bytes to tell.
    Undecided,
    /// A header of which these bytes are all part, and more is to come.
    Incomplete,
    /// A header of so many bytes; what follows is the client's.
    Whole {
        /// In bytes.
        length: usize,
        /// Who calls.
        source: Source,
    },
    /// Something that begins like a header and is none; the words say why.
    Bad(&'static str),
}

/// Reads the first bytes of a connection. With more bytes the verdict only becomes clearer: what
/// is said of a beginning stays true, and a whole header is found at the same length.
pub(super) fn read(bytes: &[u8]) -> Reading {
    if bytes.starts_with(SIGNATURE_1) {
        line(bytes)
    } else if bytes.starts_with(SIGNATURE_2) {
        block(bytes)
    } else if SIGNATURE_1.starts_with(bytes) || SIGNATURE_2.starts_with(bytes) {
        Reading::Undecided
    } else {
        Reading::Absent
    }
}

fn line(bytes: &[u8]) -> Reading {
    let within = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        let whole = within.len() == LONGEST_LINE;
        return if whole { Reading::Bad("its line does not end") } else { Reading::Incomplete };
    };
    let text = within[..end].strip_suffix(b"\r").and_then(|text| std::str::from_utf8(text).ok());
    let Some(text) = text else { return Reading::Bad("its line is not one of text") };
    let mut words = text.split(' ').skip(1);
    let source = match words.next() {
        // Whatever else stands there is to be ignored.
        Some("UNKNOWN") => Some(Source::Unknown),
        Some("TCP4") => addresses::<Ipv4Addr>(words),
        Some("TCP6") => addresses::<Ipv6Addr>(words),
        _ => return Reading::Bad("it names no protocol that is known"),
    };
    match source {
        Some(source) => Reading::Whole { length: end + 1, source },
        None => Reading::Bad("its addresses cannot be read"),
    }
}

/// Source, destination and their ports; nothing may follow.
fn addresses<'t, A: std::str::FromStr + Into<IpAddr>>(
    mut words: impl Iterator<Item = &'t str>,
) -> Option<Source> {
    let mut address = || words.next()?.parse::<A>().ok();
    let (source, _) = (address()?, address()?);
    let mut port = || {
        let text = words.next()?;
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if plain { text.parse::<u16>().ok() } else { None }
    };
    let (port, _) = (port()?, port()?);
    words.next().is_none().then(|| Source::Client(SocketAddr::new(source.into(), port)))
}

fn block(bytes: &[u8]) -> Reading {
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE_2.len()..FIXED) else {
        return Reading::Incomplete;
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Reading::Bad("it is longer than 4 KiB");
    }
    let source = match (command, family) {
        // The rest is to be ignored, also the family.
        (0x20, _) => Some(Source::Itself),
        (0x21, 0x11) => stream::<4>(bytes, length),
        (0x21, 0x21) => stream::<16>(bytes, length),
        // Unspecified, or a socket of the proxy's own machine.
        (0x21, 0x00 | 0x31) => Some(Source::Unknown),
        (0x21, _) => return Reading::Bad("it names no protocol that is known"),
        _ => return Reading::Bad("its version or command is not known"),
    };
    if bytes.len() < length {
        // Too short for its family stays wrong whatever follows.
        let short = matches!((command, family), (0x21, 0x11)) && length < FIXED + 12
            || matches!((command, family), (0x21, 0x21)) && length < FIXED + 36;
        return if short { Reading::Bad("it is too short for its addresses") } else { Reading::Incomplete };
    }
    match source {
        Some(source) => Reading::Whole { length, source },
        None => Reading::Bad("it is too short for its addresses"),
    }
}

/// Two addresses of `N` bytes, then two ports; extensions may follow.
fn stream<const N: usize>(bytes: &[u8], length: usize) -> Option<Source>
where
    [u8; N]: Into<IpAddr>,
{
    let body = bytes.get(FIXED..length)?;
    let source: [u8; N] = body.get(..N)?.try_into().ok()?;
    let port: [u8; 2] = body.get(2 * N..2 * N + 2)?.try_into().ok()?;
    body.get(2 * N + 2..2 * N + 4)?;
    Some(Source::Client(SocketAddr::new(source.into(), u16::from_be_bytes(port))))
}
