//! The head of an answer, as far as it must be understood to find the answer's end.
//!
//! Not a parser for hostile input: it talks to the servers that the benchmark started.

use std::fmt;

/// What is known after the empty line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the head, the empty line included.
    pub(super) length: usize,
    pub(super) body: Body,
    pub(super) stays_open: bool,
}

/// How the end of the body is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(usize),
    Chunked,
    UntilClosed,
}

/// The answer is none that we can read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHttp(&'static str);

impl fmt::Display for NotHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer has no {} that can be read", self.0)
    }
}

impl std::error::Error for NotHttp {}

impl Head {
    /// Nothing if the empty line has not arrived yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, NotHttp> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| NotHttp("head"))?;
        let (first, rest) = text.split_once("\r\n").unwrap_or((text, ""));
        let (protocol, status) = first.split_once(' ').ok_or(NotHttp("status line"))?;
        let status: u16 = status.get(..3).and_then(|three| three.parse().ok()).ok_or(NotHttp("status"))?;
        let mut stays_open = protocol == "HTTP/1.1";
        let mut body = if matches!(status, 204 | 304) { Body::Length(0) } else { Body::UntilClosed };
        for (name, value) in rest.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                body = Body::Length(value.parse().map_err(|_| NotHttp("length"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
            {
                body = Body::Chunked;
            } else if name.eq_ignore_ascii_case("connection") {
                stays_open = value.eq_ignore_ascii_case("keep-alive")
                    || stays_open && !value.eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(Self { status, length: end + 4, body, stays_open }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (u16, Body, bool) {
        let Ok(Some(head)) = Head::parse(text.as_bytes()) else { panic!("{text:?} is not understood") };
        (head.status, head.body, head.stays_open)
    }

    #[test]
    fn status_length_and_persistence_are_found() {
        assert_eq!(
            parsed("HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n"),
            (201, Body::Length(12), true)
        );
        assert_eq!(
            parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (200, Body::Chunked, true)
        );
        assert_eq!(parsed("HTTP/1.0 200 OK\r\n\r\nbody"), (200, Body::UntilClosed, false));
        assert_eq!(
            parsed("HTTP/1.0 200 OK\r\ncontent-length:0\r\nconnection: Keep-Alive\r\n\r\n"),
            (200, Body::Length(0), true)
        );
        assert_eq!(
            parsed("HTTP/1.1 500 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            (500, Body::Length(0), false)
        );
        assert_eq!(parsed("HTTP/1.1 304 Not Modified\r\n\r\n"), (304, Body::Length(0), true));
    }

    #[test]
    fn half_a_head_is_waited_for_and_nonsense_is_told() {
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-len"), Ok(None));
        assert_eq!(Head::parse(b"220 smtp\r\n\r\n"), Err(NotHttp("status")));
        assert_eq!(Head::parse(b"HTTP/1.1 200\r\ncontent-length: x\r\n\r\n"), Err(NotHttp("length")));
    }
}
