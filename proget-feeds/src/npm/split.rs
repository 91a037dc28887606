//! Splitting a publish document while it arrives.
//!
//! npm sends one JSON document with the tarball as base64 in `_attachments.<file>.data`. The
//! tarball may be a gigabyte, so the document is never held: all of it goes into a bounded buffer
//! except those strings, which are decoded on the fly, in constant memory, wherever pieces are cut
//! and whatever order the members have.
//!
//! This is no JSON parser: it follows strings and brackets only as far as it must to know where
//! it is. What it copies is JSON exactly if the document was, so whoever parses the copy finds
//! every error; what it takes out was a string between two quotes however one parses it.

use super::base64_stream::Base64Stream;
use proget_core::refusal::Refusal;

/// Largest document without its attachment, in bytes: 16 MiB.
pub const METADATA_LIMIT: usize = 16 << 20;
/// Deepest nesting of brackets.
const DEPTH_LIMIT: usize = 64;
/// Longest member name that is looked at, in bytes as written.
const KEY_LIMIT: usize = 1024;

/// Splits one document.
#[derive(Debug)]
pub struct Splitter {
    metadata: Vec<u8>,
    limit: usize,
    state: State,
    /// One entry a bracket: may the next string be a member's name?
    brackets: Vec<Bracket>,
    /// The member name being read, quotes included.
    key: Vec<u8>,
    /// Is the value that comes next the one at `_attachments.<file>.data`?
    data_next: bool,
    data: Base64Stream,
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Key { escaped: bool },
    Text { escaped: bool },
    Data,
    DataEscape,
    DataUnicode { digits: u8, value: u16 },
}

#[derive(Debug)]
struct Bracket {
    object: bool,
    name_next: bool,
    /// Are we in `_attachments` (its own bracket or one within it)?
    attachments: bool,
}

/// What is left when the whole document has arrived.
#[derive(Debug)]
pub struct Split {
    /// The document; attachments' data are empty strings.
    pub metadata: Vec<u8>,
    /// Was there an attachment's data?
    pub attachment: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::with_limit(METADATA_LIMIT)
    }
}

impl Splitter {
    /// Begins a document whose metadata may have `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            metadata: Vec::new(),
            limit,
            state: State::Between,
            brackets: Vec::new(),
            key: Vec::new(),
            data_next: false,
            data: Base64Stream::default(),
            begun: false,
        }
    }

    /// Has an attachment's data begun?
    #[must_use]
    pub fn attachment_begun(&self) -> bool {
        self.begun
    }

    /// Takes the next bytes of the document; appends decoded bytes of the attachment to `out`.
    ///
    /// # Errors
    /// A refusal that names the rule and, for base64, the position. The document is of no use then.
    pub fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        while let [byte, rest @ ..] = chunk {
            if self.state == State::Data {
                let run = chunk.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(chunk.len());
                self.data.push(&chunk[..run], out)?;
                chunk = &chunk[run..];
                if let [end, rest @ ..] = chunk {
                    chunk = rest;
                    self.state = if *end == b'"' { self.end_of_data()? } else { State::DataEscape };
                }
                continue;
            }
            self.step(*byte, out)?;
            chunk = rest;
        }
        if self.metadata.len() > self.limit {
            return Err(refuse(format!("must have at most {} bytes beside its attachment", self.limit)));
        }
        Ok(())
    }

    /// No more will come.
    ///
    /// # Errors
    /// A refusal if the document stops in the middle.
    pub fn finish(self) -> Result<Split, Refusal> {
        if self.state != State::Between || !self.brackets.is_empty() {
            return Err(refuse("ends before it is complete"));
        }
        Ok(Split { metadata: self.metadata, attachment: self.begun })
    }

    /// One byte outside the plain run of data.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Refusal> {
        self.state = match (self.state, byte) {
            (State::DataEscape, b'u') => State::DataUnicode { digits: 0, value: 0 },
            (State::DataEscape, escaped) => {
                // The only escape that stands for a character of base64 is the slash's.
                self.data.push(&[if escaped == b'/' { b'/' } else { b'\\' }], out)?;
                State::Data
            }
            (State::DataUnicode { digits, value }, digit) => {
                let digit = char::from(digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
                let value =
                    value << 4 | digit.ok_or_else(|| refuse("has a malformed escape in its attachment"))?;
                if digits < 3 {
                    State::DataUnicode { digits: digits + 1, value }
                } else {
                    self.data.push(&[u8::try_from(value).unwrap_or(b'\\')], out)?;
                    State::Data
                }
            }
            (State::Key { escaped }, byte) => {
                self.metadata.push(byte);
                if self.key.len() < KEY_LIMIT {
                    self.key.push(byte);
                }
                match (escaped, byte) {
                    (false, b'"') => State::Between,
                    (false, b'\\') => State::Key { escaped: true },
                    _ => State::Key { escaped: false },
                }
            }
            (State::Text { escaped }, byte) => {
                self.metadata.push(byte);
                match (escaped, byte) {
                    (false, b'"') => State::Between,
                    (false, b'\\') => State::Text { escaped: true },
                    _ => State::Text { escaped: false },
                }
            }
            (State::Between | State::Data, byte) => {
                self.metadata.push(byte);
                self.between(byte)?
            }
        };
        Ok(())
    }

    /// One byte between strings.
    fn between(&mut self, byte: u8) -> Result<State, Refusal> {
        let data_next = std::mem::take(&mut self.data_next);
        match byte {
            b'"' if self.brackets.last().is_some_and(|bracket| bracket.name_next) => {
                self.key.clear();
                self.key.push(byte);
                if let Some(bracket) = self.brackets.last_mut() {
                    bracket.name_next = false;
                }
                return Ok(State::Key { escaped: false });
            }
            b'"' if data_next => return self.start_of_data(),
            b'"' => return Ok(State::Text { escaped: false }),
            b' ' | b'\t' | b'\r' | b'\n' => self.data_next = data_next,
            b':' => self.data_next = self.names_data(),
            b',' => {
                if let Some(bracket) = self.brackets.last_mut() {
                    bracket.name_next = bracket.object;
                }
                self.key.clear();
            }
            b'{' | b'[' => self.open(byte == b'{')?,
            b'}' | b']' => {
                self.brackets.pop();
                self.key.clear();
            }
            _ => {}
        }
        Ok(State::Between)
    }

    fn open(&mut self, object: bool) -> Result<(), Refusal> {
        if self.brackets.len() == DEPTH_LIMIT {
            return Err(refuse(format!("must not be nested deeper than {DEPTH_LIMIT} levels")));
        }
        let attachments = match self.brackets.as_slice() {
            [] => false,
            [_] => self.key_is("_attachments"),
            [.., parent] => parent.attachments,
        };
        self.brackets.push(Bracket { object, name_next: object, attachments });
        self.key.clear();
        Ok(())
    }

    /// Is this `{"_attachments":{"<file>":{"data":`?
    fn names_data(&self) -> bool {
        matches!(self.brackets.as_slice(), [_, all, one] if all.object && one.object && one.attachments)
            && self.key_is("data")
    }

    fn key_is(&self, name: &str) -> bool {
        serde_json::from_slice::<String>(&self.key).is_ok_and(|key| key == name)
    }

    fn start_of_data(&mut self) -> Result<State, Refusal> {
        if std::mem::replace(&mut self.begun, true) {
            return Err(Refusal::new(
                "_attachments",
                "must hold one tarball and nothing else; provenance bundles are not kept here: publish without --provenance",
            ));
        }
        Ok(State::Data)
    }

    fn end_of_data(&mut self) -> Result<State, Refusal> {
        self.data.finish()?;
        self.metadata.push(b'"');
        Ok(State::Between)
    }
}

fn refuse(rule: impl Into<String>) -> Refusal {
    Refusal::new("publish document", rule.into())
}

#[cfg(test)]
mod tests;
