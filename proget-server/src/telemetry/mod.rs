//! Log lines on standard error: for people, or one JSON object a line. Standard output is left to
//! what a command was asked for.
//!
//! Nothing here filters secrets out: they have types that cannot be printed, and the access log
//! leaves queries out.

mod lines;
mod text;

use crate::config::{Log, LogFormat};
use lines::Lines;
use std::io::{self, IsTerminal};
use text::Text;
use tracing_subscriber::{EnvFilter, fmt};

/// Writes out what has been gathered when it is dropped.
#[must_use]
pub(crate) struct Logging(Option<Lines>);

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
            lines.end();
        }
    }
}

/// Sends all log lines of this process to standard error from now on. A second call changes nothing.
pub(crate) fn start(log: &Log) -> Logging {
    let Ok(to) = Lines::new(io::stderr()) else { return Logging(None) };
    // The configuration has checked the filter.
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(to.clone());
    let started = match log.format {
        LogFormat::Text if io::stderr().is_terminal() => lines.with_ansi(true).try_init(),
        LogFormat::Text => lines.fmt_fields(Text).event_format(Text).try_init(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("log lines go to the subscriber that is there already");
    }
    Logging(Some(to))
}
