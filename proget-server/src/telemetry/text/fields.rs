//! Fields of a line, as `name=value`, and what makes a value safe to write.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;

use super::moment::Digits;

/// The field that is written without its name.
const MESSAGE: &str = "message";

/// Appends them with spaces between.
pub(super) fn push_fields(line: &mut String, fields: &impl RecordFields) -> fmt::Result {
    let mut visitor = Fields { start: line.len(), line, written: Ok(()) };
    fields.record(&mut visitor);
    visitor.written
}

/// Appends fields to a line, as `name=value`; the message as it is.
struct Fields<'a> {
    line: &'a mut String,
    start: usize,
    written: fmt::Result,
}

impl Fields<'_> {
    /// Appends what comes before a field's value; true if there shall be a value.
    fn begin(&mut self, field: &Field) -> bool {
        let name = field.name();
        if name.starts_with("log.") {
            return false;
        }
        if self.line.len() > self.start {
            self.line.push(' ');
        }
        if name != MESSAGE {
            self.line.push_str(name.strip_prefix("r#").unwrap_or(name));
            self.line.push('=');
        }
        true
    }

    /// Whatever stands from `value` on was written as it came: makes it safe.
    fn end(&mut self, field: &Field, value: usize) {
        let Some(text) = self.line.get(value..) else { return };
        let bad = if field.name() == MESSAGE { has_controls(text) } else { !is_plain(text) };
        if bad {
            let text = self.line.split_off(value);
            self.push(field, &text);
        }
    }

    fn push(&mut self, field: &Field, text: &str) {
        if field.name() == MESSAGE {
            push_harmless(self.line, text);
        } else if is_plain(text) {
            self.line.push_str(text);
        } else {
            self.line.push('"');
            for letter in text.chars() {
                push_escaped(self.line, letter);
            }
            self.line.push('"');
        }
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begin(field) {
            self.push(field, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.begin(field) {
            self.line.push_str(Digits::default().of(value));
        }
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        self.record_str(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.begin(field) {
            let start = self.line.len();
            self.written = self.written.and(write!(self.line, "{value:?}"));
            self.end(field, start);
        }
    }
}

/// Needs no quotes: where it ends is clear, and it looks like itself only.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// Something that a terminal, or a reader of lines, does not take for a letter.
fn has_controls(text: &str) -> bool {
    !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.chars().any(is_control)
}

fn is_control(letter: char) -> bool {
    // All that is not printed in its place, among it what turns the direction of writing.
    letter != '\'' && letter != '"' && letter != '\\' && letter.escape_debug().len() > 1
}

/// Appends text that is not quoted, such as a message.
pub(super) fn push_harmless(line: &mut String, text: &str) {
    for letter in text.chars() {
        if is_control(letter) { line.extend(letter.escape_debug()) } else { line.push(letter) }
    }
}

/// Appends a letter within quotes.
fn push_escaped(line: &mut String, letter: char) {
    if letter == '\'' { line.push(letter) } else { line.extend(letter.escape_debug()) }
}
