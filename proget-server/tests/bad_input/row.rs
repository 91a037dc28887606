//! One row: what is sent, and what must come back.

use crate::request::Request;
use std::fmt;

/// Whose client sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Npm,
    PyPi,
    Cargo,
    /// ProGet's management API.
    Api,
    /// Any client: refused before it matters who it is.
    Any,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npm => "npm",
            Self::PyPi => "PyPI",
            Self::Cargo => "Cargo",
            Self::Api => "API",
            Self::Any => "any",
        })
    }
}

/// Where in an answer a client looks for what to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The member `error` of a JSON object: npm, yarn, pnpm.
    Npm,
    /// Plain text, and the status line's reason is not ours: pip, twine, uv.
    PyPi,
    /// `errors[0].detail` of a JSON object: cargo.
    Cargo,
    /// Plain text: ProGet's own client.
    Plain,
    /// The shell's problem document, when nobody could know who is asking.
    Problem,
    /// The HTTP parser's own refusal: a status and no body.
    Bare,
    /// No refusal at all: the body as it is.
    Document,
}

/// What must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// An answer with this status that says this.
    Answer { status: u16, dialect: Dialect, says: &'static str },
    /// The connection is closed without an answer.
    Closed,
    /// The client has left and hears nothing.
    Gone,
}

/// What may differ afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traces {
    /// Nothing.
    None,
    /// A repeated publish renews the reservation of bytes that are there already.
    Renewal,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) topic: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) request: Request,
    pub(crate) expected: Expected,
    pub(crate) traces: Traces,
}

/// Rows under one heading, being written down.
pub(crate) struct Section {
    kind: Kind,
    topic: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Section {
    pub(crate) fn new(kind: Kind, topic: &'static str) -> Self {
        Self { kind, topic, rows: Vec::new() }
    }

    /// A row that is refused with this status and words, in the dialect of the section's client.
    pub(crate) fn row(
        &mut self,
        sent: &'static str,
        request: Request,
        status: u16,
        says: &'static str,
    ) -> &mut Row {
        let dialect = match self.kind {
            Kind::Npm => Dialect::Npm,
            Kind::PyPi => Dialect::PyPi,
            Kind::Cargo => Dialect::Cargo,
            Kind::Api => Dialect::Plain,
            Kind::Any => Dialect::Problem,
        };
        self.push(sent, request, Expected::Answer { status, dialect, says })
    }

    /// A row after which the server closes the connection without a word.
    pub(crate) fn closed(&mut self, sent: &'static str, request: Request) {
        self.push(sent, request, Expected::Closed);
    }

    /// A row whose client leaves.
    pub(crate) fn gone(&mut self, sent: &'static str, request: Request) {
        self.push(sent, request, Expected::Gone);
    }

    fn push(&mut self, sent: &'static str, request: Request, expected: Expected) -> &mut Row {
        let row = Row { kind: self.kind, topic: self.topic, sent, request, expected, traces: Traces::None };
        self.rows.push(row);
        self.rows.last_mut().unwrap()
    }
}

impl Row {
    /// It is answered in another dialect than the section's.
    pub(crate) fn spoken(&mut self, other: Dialect) -> &mut Self {
        match &mut self.expected {
            Expected::Answer { dialect, .. } => *dialect = other,
            _ => panic!("nothing is said in '{}'", self.sent),
        }
        self
    }

    /// It may leave this much.
    pub(crate) fn leaves(&mut self, traces: Traces) {
        self.traces = traces;
    }
}
