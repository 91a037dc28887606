//! When a schedule is due: cron's five fields, in UTC. Pure; who dispatches is the runner's.
//!
//! Fields are minute, hour, day of month, month and day of week, as in crontab(5): if both days are
//! restricted, either will do. UTC has no gaps and no repeated hours, so each match is one moment.

use croner::Cron as Pattern;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proget_core::Refusal;
use proget_core::clock::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The five fields of cron, checked: it is due at some time.
#[derive(Debug, Clone)]
pub struct Cron(Pattern);

impl Cron {
    /// The first moment after this one at which it is due; `None` beyond the calendar.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // Occurrences are at whole minutes, so the part of a second that is cut off here is between two.
        self.0.find_next_occurrence(&civil(after)?, false).ok().and_then(timestamp)
    }

    /// The last moment up to and including this one at which it was due.
    #[must_use]
    pub fn latest(&self, until: Timestamp) -> Option<Timestamp> {
        self.0.find_previous_occurrence(&civil(until)?, true).ok().and_then(timestamp)
    }

    /// Which occurrence is to be made up for: the latest after `last` and up to `now`. However many were
    /// missed, that is one.
    #[must_use]
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.latest(now).filter(|due| *due > last)
    }
}

impl FromStr for Cron {
    type Err = Refusal;

    fn from_str(written: &str) -> Result<Self, Refusal> {
        let refuse = |why: String| Refusal::new("schedule", why);
        if written.len() > 100 {
            return Err(refuse("must have at most 100 characters".into()));
        }
        // Names for whole schedules and a sixth field are extensions that others read differently.
        if written.split_whitespace().count() != 5 {
            return Err(refuse(
                "must have the five fields of cron: minute, hour, day of month, month, day of week".into(),
            ));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(written).map_err(|error| {
            let why = error.to_string();
            refuse(format!("is not what cron understands: {}", why.trim_end_matches('.')))
        })?;
        let cron = Self(pattern);
        if cron.next(Timestamp(0)).is_none() {
            return Err(refuse("must be due at some time; no day is like that".into()));
        }
        Ok(cron)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn civil(at: Timestamp) -> Option<DateTime> {
    let seconds = at.0.div_euclid(1000);
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).datetime())
}

fn timestamp(at: DateTime) -> Option<Timestamp> {
    Some(Timestamp(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn cron(text: &str) -> Cron {
        text.parse().unwrap_or_else(|refusal| panic!("{text}: {refusal}"))
    }

    #[test]
    fn the_next_moment_is_later_and_what_is_due_is_made_up_for_once() {
        let daily = cron("30 3 * * *");
        assert_eq!(daily.next(at("2026-11-22T03:30:00Z")), Some(at("2026-11-23T03:30:00Z")));
        assert_eq!(daily.next(at("2026-11-22T03:29:59.999Z")), Some(at("2026-11-22T03:30:00Z")));
        let last = at("2026-11-01T03:30:00Z");
        assert_eq!(daily.due(last, at("2026-11-22T03:29:00Z")), Some(at("2026-11-21T03:30:00Z")));
        assert_eq!(daily.due(last, at("2026-11-02T03:29:59.999Z")), None);
        assert_eq!(daily.due(last, at("2026-11-02T03:30:00Z")), Some(at("2026-11-02T03:30:00Z")));
        let leap = cron("0 0 29 2 *");
        assert_eq!(leap.next(at("2096-03-01T00:00:00Z")), Some(at("2104-02-29T00:00:00Z")));
        // Both days restricted: either will do. The first of December 2026 is a Tuesday.
        let either = cron("0 0 1 * FRI");
        assert_eq!(either.next(at("2026-11-28T00:00:00Z")), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(either.next(at("2026-12-01T00:00:00Z")), Some(at("2026-12-04T00:00:00Z")));
    }

    #[test]
    fn a_wrong_cron_is_refused_with_a_sentence() {
        for wrong in [
            "",
            "* * * *",
            "* * * * * *",
            "@daily",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "a b c d e",
            "*/0 * * * *",
            "5-1 * * * *",
            "0 0 30 2 *",
        ] {
            let refused = wrong.parse::<Cron>().expect_err(wrong).to_string();
            assert!(refused.contains("schedule") && !refused.ends_with('.'), "{wrong}: {refused}");
        }
    }

    #[test]
    fn a_moment_outside_of_the_calendar_is_never_due() {
        assert_eq!(cron("* * * * *").next(Timestamp(i64::MAX)), None);
        assert_eq!(cron("* * * * *").due(Timestamp(0), Timestamp(i64::MIN)), None);
    }

    /// One field, and which of its values it means. It names values up to `high` and has them up to `top`:
    /// no day after the 28th is named, so that each month has one.
    fn field(low: i8, high: i8, top: i8) -> impl Strategy<Value = (String, Vec<i8>)> {
        let all = (low..=top).collect::<Vec<i8>>();
        let every = all.clone();
        prop_oneof![
            Just(("*".to_owned(), all)),
            (low..=high).prop_map(|one| (one.to_string(), vec![one])),
            (low..=high, low..=high).prop_map(|(a, b)| {
                let (a, b) = (a.min(b), a.max(b));
                (format!("{a}-{b}"), (a..=b).collect())
            }),
            (2_i8..=7).prop_map(move |step| {
                let values = every.iter().copied().step_by(usize::try_from(step).unwrap()).collect();
                (format!("*/{step}"), values)
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn next_is_the_first_minute_after_that_matches_every_field(
            minute in field(0, 59, 59), hour in field(0, 23, 23), day in field(1, 28, 31), month in field(1, 12, 12),
            after in 0_i64..4_000_000_000_000,
        ) {
            let text = format!("{} {} {} {} *", minute.0, hour.0, day.0, month.0);
            let cron = cron(&text);
            let matches = |moment: DateTime| {
                minute.1.contains(&moment.minute()) && hour.1.contains(&moment.hour())
                    && day.1.contains(&moment.day()) && month.1.contains(&moment.month())
            };
            let after = Timestamp(after);
            let next = cron.next(after).unwrap();
            prop_assert!(next > after && next.0 % 60_000 == 0, "{text}: {next} after {after}");
            prop_assert!(matches(civil(next).unwrap()), "{text}: {next} does not match");
            // Nothing between the two matches; only so far, so that a yearly one does not take for ever.
            let mut minute = Timestamp((after.0 / 60_000 + 1) * 60_000);
            for _ in 0..20_000 {
                if minute >= next { break }
                prop_assert!(!matches(civil(minute).unwrap()), "{text}: {minute} was passed over");
                minute = Timestamp(minute.0 + 60_000);
            }
            // And the way back finds it again.
            prop_assert_eq!(cron.latest(next), Some(next));
            let later = cron.next(next).unwrap();
            prop_assert!(later > next);
            prop_assert_eq!(cron.latest(Timestamp(later.0 - 1)), Some(next));
            prop_assert_eq!(cron.due(next, Timestamp(later.0 - 1)), None);
        }
    }
}
