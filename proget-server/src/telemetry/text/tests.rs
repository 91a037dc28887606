//! Whole lines, as they are written for a subscriber that has this format.

use super::*;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use tracing::{error, info, info_span, subscriber};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that `tell` logs, without the times.
fn log(tell: impl FnOnce()) -> String {
    let written = Written::default();
    let to = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || to.clone())
        .fmt_fields(Text)
        .event_format(Text)
        .finish();
    subscriber::with_default(subscriber, tell);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let without_time = |line: &str| {
        let (time, rest) = line.split_once(' ').unwrap();
        let time: jiff::Timestamp = time.parse().unwrap();
        assert!(jiff::Timestamp::now().duration_since(time).abs() < jiff::SignedDuration::from_mins(1));
        format!("{rest}\n")
    };
    text.lines().map(without_time).collect()
}

struct Shown(&'static str);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[test]
fn a_line_has_level_spans_target_message_and_fields() {
    let text = log(|| {
        info!(target: "t", "plain");
        let outer = info_span!("request", id = "7", path = "/npm/f/x").entered();
        error!(target: "t", status = 404, bytes = 0_u64, away = true, took = ?Some(-1), "no such package");
        let inner = info_span!("inner").entered();
        tracing::debug!(target: "t", parent: None, id = "8", status = None::<u16>);
        tracing::trace!(target: "t", r#type = 1.5);
        drop((inner, outer));
        tracing::warn!(target: "t", "{} of {}", 1, 2);
        info!(target: "log", { log.target = "another_crate", log.line = 7 }, "through the crate log");
    });
    let expected = [
        " INFO t: plain",
        "ERROR request{id=7 path=/npm/f/x}: t: no such package status=404 bytes=0 away=true took=Some(-1)",
        "DEBUG t: id=8",
        "TRACE request{id=7 path=/npm/f/x}:inner: t: type=1.5",
        " WARN t: 1 of 2",
        " INFO another_crate: through the crate log",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn values_that_are_not_plain_are_quoted_and_never_begin_a_line_or_a_field() {
    const BAD: &str =
        "x\n2026-11-23T00:00:00Z ERROR \u{1b}[31m \"forged\" status=200 \u{85}\u{202e}\u{2028}\\";
    let safe = r#"x\n2026-11-23T00:00:00Z ERROR \u{1b}[31m \"forged\" status=200 \u{85}\u{202e}\u{2028}\\"#;
    let text = log(|| {
        let _span = info_span!("request", path = BAD, shown = %Shown(BAD)).entered();
        info!(target: "t", path = BAD, shown = %Shown(BAD), empty = "", words = "it's two", letter = "ä");
    });
    assert_eq!(
        text,
        format!(
            " INFO request{{path=\"{safe}\" shown=\"{safe}\"}}: t: path=\"{safe}\" shown=\"{safe}\" \
             empty=\"\" words=\"it's two\" letter=\"ä\"\n"
        )
    );
}

#[test]
fn a_message_is_one_line_and_harmless_to_a_terminal() {
    let text = log(|| {
        info!(target: "t", "it's \"so\": {}", "a\nb\u{1b}[2J\\");
        info!(target: "t", "größer\tals");
    });
    assert_eq!(text, " INFO t: it's \"so\": a\\nb\\u{1b}[2J\\\n INFO t: größer\\tals\n");
}

#[test]
fn an_error_is_told_with_its_causes() {
    let inner = io::Error::other("the cable is out");
    let outer = io::Error::other(Wrapped(inner));
    let text = log(|| info!(target: "t", error = &outer as &dyn std::error::Error, "failed"));
    assert_eq!(text, " INFO t: failed error=\"no answer: the cable is out\"\n");
}

#[derive(Debug)]
struct Wrapped(io::Error);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_value_may_log_while_it_is_shown() {
    struct Talking;
    impl fmt::Display for Talking {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            push_inner();
            f.write_str("shown")
        }
    }
    fn push_inner() {
        // What a subscriber would do for an event inside an event, which `tracing` itself drops.
        let mut inner = String::new();
        in_one_piece(Writer::new(&mut inner), |line| line.write_str("inner")).unwrap();
        assert_eq!(inner, "inner");
    }
    assert_eq!(log(|| info!(target: "t", value = %Talking, "outer")), " INFO t: outer value=shown\n");
}
