//! The time of a line, and digits.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

thread_local! {
    static SECOND: Cell<Second> = const { Cell::new(Second { number: u64::MAX, text: [0; 20] }) };
}

/// The text of a second, which many lines share.
#[derive(Clone, Copy)]
struct Second {
    number: u64,
    /// Up to the seconds, as in `2026-11-23T01:24:27Z`.
    text: [u8; 20],
}

impl Second {
    fn at(number: u64) -> Result<Self, fmt::Error> {
        let known = SECOND.get();
        if known.number == number {
            return Ok(known);
        }
        let time = i64::try_from(number).ok().and_then(|number| Timestamp::from_second(number).ok());
        let text = time.ok_or(fmt::Error)?.to_string();
        let second = Self { number, text: text.as_bytes().try_into().map_err(|_| fmt::Error)? };
        SECOND.set(second);
        Ok(second)
    }
}

/// RFC 3339, in UTC, to the microsecond: `2026-11-23T01:24:27.123456Z`.
pub(super) fn push_time(line: &mut String, time: SystemTime) -> fmt::Result {
    // A clock before 1970 is no reason to lose a line.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let second = Second::at(since.as_secs())?;
    let text = std::str::from_utf8(&second.text).map_err(|_| fmt::Error)?;
    line.push_str(text.trim_end_matches('Z'));
    // The leading one is in the point's place, and keeps the zeros after it.
    let mut digits = Digits::default();
    let micros = digits.of(u64::from(since.subsec_micros()) + 1_000_000);
    line.push('.');
    line.push_str(micros.get(1..).unwrap_or_default());
    line.push('Z');
    Ok(())
}

/// Room for the digits of a number. `fmt` takes several times as long for them.
#[derive(Default)]
pub(super) struct Digits([u8; 20]);

impl Digits {
    pub(super) fn of(&mut self, mut number: u64) -> &str {
        let mut first = self.0.len();
        for place in self.0.iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            first -= 1;
            if number == 0 {
                break;
            }
        }
        self.0.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_microsecond() {
        let second = Duration::from_secs(1_795_397_067);
        for (since, expected) in [
            (Duration::ZERO, "1970-01-01T00:00:00.000000Z"),
            (second, "2026-11-23T01:24:27.000000Z"),
            (second + Duration::from_nanos(12_999), "2026-11-23T01:24:27.000012Z"),
            (second + Duration::from_micros(999_999), "2026-11-23T01:24:27.999999Z"),
            (second + Duration::from_secs(1), "2026-11-23T01:24:28.000000Z"),
            (second, "2026-11-23T01:24:27.000000Z"),
        ] {
            let mut line = "at ".to_owned();
            push_time(&mut line, UNIX_EPOCH + since).unwrap();
            assert_eq!(line, format!("at {expected}"));
        }
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 7, 10, 304, 1_000_000, u64::MAX] {
            assert_eq!(Digits::default().of(number), number.to_string());
        }
    }
}
