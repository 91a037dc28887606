//! What was found, as `docs/FAILOVER.md` tells it, and every sample beside it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use proget_tests::Outcome;

use super::clients::{Met, RATE};
use super::street::Hints;
use crate::machine;

/// Written by hand, told by every page: what is done and how it is timed.
const METHOD: &str = include_str!("../../failover.md");

/// Samples of one thing, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Series {
    name: String,
    samples: Vec<Duration>,
}

impl Series {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), samples: Vec::new() }
    }

    pub(super) fn add(&mut self, sample: Duration) {
        self.samples.push(sample);
    }

    pub(super) fn last(&self) -> Duration {
        self.samples.last().copied().unwrap_or_default()
    }

    /// So many per cent of the samples are no longer: the nearest one that was measured.
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.samples.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Page {
    head: String,
    times: Vec<String>,
    errors: Vec<String>,
    background: Vec<String>,
    figures: Vec<String>,
    missed: Vec<String>,
    samples: Vec<Series>,
}

impl Page {
    pub(super) fn new(seed: u64, about: &str) -> Outcome<Self> {
        let when = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
        let head = format!(
            "| | |\n|---|---|\n| when | {when} |\n| machine | {} |\n| load before | {:.1} |\n| program | {about} |\n\
             | seed | {seed} |\n",
            machine::description()?,
            machine::load()?,
        );
        Ok(Self {
            head,
            times: Vec::new(),
            errors: Vec::new(),
            background: Vec::new(),
            figures: Vec::new(),
            missed: Vec::new(),
            samples: Vec::new(),
        })
    }

    /// Times, of which the 99th percentile is to be at most `wanted`.
    pub(super) fn series(&mut self, what: &str, series: Series, wanted: Option<Duration>) {
        let [half, most, worst, last] = [50, 90, 99, 100].map(|percent| series.percentile(percent));
        let is_missed = wanted.is_some_and(|wanted| worst > wanted);
        let wanted = wanted.map_or("–".to_owned(), |wanted| format!("≤ {}", seconds(wanted)));
        let shown = if is_missed { format!("**{}**", seconds(worst)) } else { seconds(worst) };
        self.times.push(format!(
            "| {what} | {} | {} | {} | {shown} | {} | {wanted} |",
            series.samples.len(),
            seconds(half),
            seconds(most),
            seconds(last),
        ));
        if is_missed {
            self.missed.push(format!("{what}: p99 {} instead of {wanted}", seconds(worst)));
        }
        println!("{}", self.times.last().map_or("", String::as_str));
        self.samples.push(series);
    }

    /// Requests that failed while something was done `times` times.
    pub(super) fn errors(&mut self, what: &str, times: usize, met: Met, wanted: Option<usize>) {
        let wanted_words = wanted.map_or("–".to_owned(), |wanted| wanted.to_string());
        let each = met.failed as f64 / times.max(1) as f64;
        let line =
            format!("| {what} | {times} | {} | {} | {each:.2} | {wanted_words} |", met.asked, met.failed);
        if wanted.is_some_and(|wanted| met.failed > wanted) {
            self.missed.push(format!("{what}: {} requests failed", met.failed));
        }
        println!("{line}");
        self.errors.push(line);
    }

    /// Jobs, attempts beyond the first, jobs that failed, doubled and missed occurrences.
    pub(super) fn background(&mut self, hints: Hints, [jobs, again, failed, doubled, missed]: [i64; 5]) {
        let line =
            format!("| cluster {} | {jobs} | {again} | {failed} | {doubled} | {missed} |", hints.words());
        if failed + doubled + missed > 0 {
            self.missed.push(format!(
                "background work {}: {failed} failed, {doubled} doubled, {missed} missed",
                hints.words()
            ));
        }
        println!("{line}");
        self.background.push(line);
    }

    /// One number; `sign` tells on which side of `wanted` it is to be.
    pub(super) fn figure(&mut self, what: &str, value: f64, wanted: Option<f64>, sign: &str) {
        let is_missed =
            wanted.is_some_and(|wanted| if sign == "≤" { value > wanted } else { value < wanted });
        let shown = if is_missed { format!("**{value:.2}**") } else { format!("{value:.2}") };
        let words = wanted.map_or("–".to_owned(), |wanted| format!("{sign} {wanted}"));
        if is_missed {
            self.missed.push(format!("{what}: {value:.2} instead of {words}"));
        }
        let line = format!("| {what} | {shown} | {words} |");
        println!("{line}");
        self.figures.push(line);
    }

    pub(super) fn tables(&self) -> String {
        let table = |title: &str, head: &str, rows: &[String]| {
            if rows.is_empty() {
                return String::new();
            }
            let rule = "---|".repeat(head.matches(" | ").count() + 1);
            format!("## {title}\n\n| {head} |\n|{rule}\n{}\n\n", rows.join("\n"))
        };
        [
            table("How long", "what | samples | p50 | p90 | p99 | max | p99 wanted", &self.times),
            table(
                &format!("What clients met, at {RATE} requests a second"),
                "what | times | requests | failed | failed each time | wanted",
                &self.errors,
            ),
            table(
                "Background work meanwhile",
                "where | jobs | attempts beyond the first | failed | doubled | missed occurrences",
                &self.background,
            ),
            table("Cost", "what | found | wanted", &self.figures),
        ]
        .concat()
    }

    /// The page, and a file of samples for each series.
    pub(super) fn write(&self, path: &Path) -> Outcome {
        let missed = match self.missed.as_slice() {
            [] => "Nothing.".to_owned(),
            missed => format!("- {}", missed.join("\n- ")),
        };
        let text = format!(
            "# Fail-over, measured\n\nWritten by `bench/failover.sh`; do not edit. Its words are \
             `bench/failover.md`. Each sample is in [failover/](failover/).\n\n{}\n{}## Missed\n\n{missed}\n\n{METHOD}",
            self.head,
            self.tables(),
        );
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        let folder = path.with_file_name("failover");
        fs::create_dir_all(&folder)?;
        for series in &self.samples {
            let lines: String = series
                .samples
                .iter()
                .map(|sample| format!("{:.1}\n", sample.as_secs_f64() * 1000.0))
                .collect();
            fs::write(folder.join(format!("{}.csv", series.name)), format!("milliseconds\n{lines}"))?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_sample_that_was_taken() {
        let mut series = Series::new("x");
        (1..=50).rev().for_each(|sample| series.add(Duration::from_millis(sample)));
        let millis = [50, 90, 99, 100].map(|percent| series.percentile(percent).as_millis());
        assert_eq!(millis, [25, 45, 50, 50]);
        assert_eq!(Series::new("none").percentile(99), Duration::ZERO);
    }
}
