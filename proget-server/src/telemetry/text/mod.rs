//! Log lines for people, without colours: what `tracing-subscriber` would write, written faster.
//!
//! ```text
//! 2026-11-23T01:24:27.123456Z  INFO request{id=7 path=/npm/f/x}: proget_core::problem: request failed doing="…"
//! ```
//!
//! Every request ends with such a line, so it is put together in one piece of memory and handed over
//! at once. A line never becomes two, and no value can pass itself off as another field: whatever is
//! not plain is quoted, with its control characters escaped. `tracing-subscriber` promises that only
//! for strings, not for what is merely displayed. Lines with colours and JSON stay its own.

mod fields;
mod moment;

use std::cell::Cell;
use std::fmt::{self, Debug};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use fields::{push_fields, push_harmless};
use moment::push_time;

/// A piece of memory larger than this is not kept for the next line.
const KEPT: usize = 16 << 10;

thread_local! {
    static PIECE: Cell<String> = const { Cell::new(String::new()) };
}

/// Formats events, and the fields of spans.
pub(super) struct Text;

impl<S> FormatEvent<S, Self> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Self>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        in_one_piece(writer, |line| {
            push_time(line, SystemTime::now())?;
            line.push_str(level(*event.metadata().level()));
            if let Some(scope) = context.event_scope() {
                for span in scope.from_root() {
                    line.push_str(span.name());
                    let extensions = span.extensions();
                    let fields = extensions.get::<FormattedFields<Self>>().map(|fields| &*fields.fields);
                    if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                        line.push('{');
                        line.push_str(fields);
                        line.push('}');
                    }
                    line.push(':');
                }
                line.push(' ');
            }
            push_target(line, event);
            line.push_str(": ");
            push_fields(line, event)?;
            line.push('\n');
            Ok(())
        })
    }
}

impl<'writer> FormatFields<'writer> for Text {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        in_one_piece(writer, |text| push_fields(text, &fields))
    }
}

/// What `fill` makes of an empty string goes to `writer` with one call.
fn in_one_piece(mut writer: Writer<'_>, fill: impl FnOnce(&mut String) -> fmt::Result) -> fmt::Result {
    // A value that itself logs when it is displayed finds an empty string here, not this one.
    let mut piece = PIECE.take();
    piece.clear();
    let written = fill(&mut piece).and_then(|()| writer.write_str(&piece));
    if piece.capacity() <= KEPT {
        PIECE.set(piece);
    }
    written
}

fn level(level: Level) -> &'static str {
    match level {
        Level::TRACE => " TRACE ",
        Level::DEBUG => " DEBUG ",
        Level::INFO => "  INFO ",
        Level::WARN => "  WARN ",
        Level::ERROR => " ERROR ",
    }
}

/// Lines that came through the crate `log` have their target among their fields.
fn push_target(line: &mut String, event: &Event<'_>) {
    struct Target<'a>(&'a mut String);
    impl Visit for Target<'_> {
        fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
        fn record_str(&mut self, field: &Field, value: &str) {
            if field.name() == "log.target" {
                push_harmless(self.0, value);
            }
        }
    }
    match event.metadata().target() {
        "log" => event.record(&mut Target(line)),
        target => line.push_str(target),
    }
}

#[cfg(test)]
mod tests;
