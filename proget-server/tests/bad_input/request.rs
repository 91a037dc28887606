//! A request as it goes over the wire, good or bad: the line that the document shows, and the bytes.
//!
//! Bytes are made when they are sent, because some are large and keys are known only then.

use crate::stage::Keys;
use std::fmt;
use std::sync::Arc;

type Bytes = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Who sends it.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Who may do everything, by the header that the clients of the path use.
    Admin,
    Nobody,
    /// Who may look at the feeds and no more.
    Reader,
    /// Who may do everything, in another feed.
    Neighbour,
    /// Whoever these header lines say.
    Saying(&'static str),
}

/// How the body's length is told.
#[derive(Debug, Clone)]
enum Framing {
    /// As it is.
    Length,
    /// Not as it is.
    Announced(&'static str),
    /// In chunks.
    Chunked,
    /// Neither length nor encoding.
    Untold,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is sent, then the client waits.
    Wait,
    /// The client leaves when it has sent all, and what it sent has begun to be staged.
    LeaveOnceStaged,
    /// The client leaves when it has sent all.
    Leave,
    /// The last bytes are sent again and again, slowly, for ever.
    Crawl,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    /// Method and target, as in the request line; cut where it is endless.
    pub(crate) line: String,
    whole: Option<Bytes>,
    caller: Caller,
    headers: Vec<String>,
    body: Option<Bytes>,
    framing: Framing,
    pub(crate) ending: Ending,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("line", &self.line)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request with this line and no body.
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            whole: None,
            caller: Caller::Admin,
            headers: Vec::new(),
            body: None,
            framing: Framing::Length,
            ending: Ending::Wait,
        }
    }

    /// Exactly these bytes, of which `line` shows enough.
    pub(crate) fn raw(line: impl Into<String>, bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self { whole: Some(Arc::new(bytes)), ..Self::new(line) }
    }

    pub(crate) fn body(mut self, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.body = Some(Arc::new(body));
        self
    }

    pub(crate) fn text(self, body: &'static str) -> Self {
        self.body(|| body.as_bytes().to_vec())
    }

    pub(crate) fn header(mut self, line: impl Into<String>) -> Self {
        self.headers.push(line.into());
        self
    }

    pub(crate) fn from(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// The length is said to be this, whatever it is.
    pub(crate) fn announcing(mut self, length: &'static str) -> Self {
        self.framing = Framing::Announced(length);
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    pub(crate) fn untold(mut self) -> Self {
        self.framing = Framing::Untold;
        self
    }

    pub(crate) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// All bytes, in the order in which they are sent.
    pub(crate) fn bytes(&self, keys: &Keys) -> Vec<u8> {
        if let Some(whole) = &self.whole {
            return whole();
        }
        let mut head = format!("{} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n", self.line);
        head += &self.credentials(keys);
        for line in &self.headers {
            head += &format!("{line}\r\n");
        }
        let body = self.body.as_ref().map(|body| body());
        match (&self.framing, &body) {
            (Framing::Length, Some(body)) => head += &format!("content-length: {}\r\n", body.len()),
            (Framing::Announced(length), _) => head += &format!("content-length: {length}\r\n"),
            (Framing::Chunked, _) => head += "transfer-encoding: chunked\r\n",
            (Framing::Length, None) | (Framing::Untold, _) => {}
        }
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        let body = body.unwrap_or_default();
        if matches!(self.framing, Framing::Chunked) {
            for chunk in body.chunks(4096) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(&body);
        }
        bytes
    }

    fn credentials(&self, keys: &Keys) -> String {
        let key = match &self.caller {
            Caller::Admin => &keys.admin,
            Caller::Reader => &keys.reader,
            Caller::Neighbour => &keys.neighbour,
            Caller::Nobody => return String::new(),
            Caller::Saying(lines) => return format!("{lines}\r\n"),
        };
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        match target.split('/').nth(1).unwrap_or_default() {
            "npm" => format!("authorization: Bearer {key}\r\n"),
            "pypi" => {
                format!("authorization: Basic {}\r\n", crate::bytes::base64(format!("api:{key}").as_bytes()))
            }
            "cargo" => format!("authorization: {key}\r\n"),
            _ => format!("x-apikey: {key}\r\n"),
        }
    }
}
