//! The same work done by several servers, one after the other, and that several times over: whoever
//! else uses the machine disturbs them all alike, and a ratio comes from the same minutes.

use std::sync::Arc;
use std::time::Duration;

use proget_tests::Outcome;

use crate::door::{Door, Upload};
use crate::{load, machine, wrk};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Rounds; a figure is the median of them.
    pub(crate) rounds: usize,
    /// How long each server works in each round.
    pub(crate) length: Duration,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Our server alone, on SQLite.
    Alone,
    /// Our server as a node, on PostgreSQL.
    Postgres,
    /// nginx with static files.
    Nginx,
    /// The usual server of that format.
    Peer(&'static str),
    /// Our server with a small feed.
    Small,
    /// Our server with a large feed.
    Large,
}

impl Who {
    /// As it stands in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Nginx => "nginx",
            Self::Peer(name) => name,
            Self::Small => "1,000 versions",
            Self::Large => "1,000,000 versions",
        }
    }
}

/// What is measured.
#[derive(Debug)]
pub(crate) enum Work {
    /// wrk asks for this over so many connections.
    Get(wrk::Request, usize),
    /// Every round publishes other packages over so many connections.
    Publish(Door, Arc<Vec<Vec<Upload>>>, usize),
}

/// One figure of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// What is compared; more is better.
    pub(crate) value: f64,
    /// The machine's load right after.
    pub(crate) load: f64,
}

/// The rounds of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    pub(crate) samples: Vec<Sample>,
    /// Requests that were not answered as they should have been.
    pub(crate) failed: usize,
}

impl Series {
    /// The median of the rounds.
    pub(crate) fn value(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.value))
    }

    /// The median of the loads.
    pub(crate) fn load(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.load))
    }

    /// How many times as much as `other`: the median of the rounds' own ratios.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        median(self.samples.iter().zip(&other.samples).map(|(ours, theirs)| ours.value / theirs.value))
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

/// What a GET is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Answers a second.
    Requests,
    /// MiB a second.
    Mebibytes,
}

/// Lets everybody work in turn.
pub(crate) async fn rounds(pace: Pace, unit: Unit, works: &[(Who, Work)]) -> Outcome<Vec<(Who, Series)>> {
    let mut all: Vec<(Who, Series)> = works.iter().map(|(who, _)| (*who, Series::default())).collect();
    for (who, work) in works {
        if let (Work::Get(request, connections), false) = (work, matches!(who, Who::Peer(_))) {
            wrk::run(request, *connections, Duration::from_secs(1)).await?;
        }
    }
    for round in 0..pace.rounds {
        for ((_, work), (who, series)) in works.iter().zip(&mut all) {
            let (value, failed) = match (one(pace, unit, work, round).await, &who) {
                (Ok(done), _) => done,
                // A peer that stalls is a result, and no reason to lose the others.
                (Err(error), Who::Peer(name)) => {
                    eprintln!("  {name}: {error:#}");
                    (f64::NAN, 1)
                }
                (Err(error), _) => return Err(error.context(format!("measuring {who:?}"))),
            };
            series.failed += failed;
            series.samples.push(Sample { value, load: machine::load()? });
        }
    }
    Ok(all)
}

/// One server's work in one round: the figure, and how many requests failed.
async fn one(pace: Pace, unit: Unit, work: &Work, round: usize) -> Outcome<(f64, usize)> {
    match work {
        Work::Get(request, connections) => {
            let run = wrk::run(request, *connections, pace.length).await?;
            Ok((if unit == Unit::Requests { run.requests } else { run.bytes / 1_048_576.0 }, 0))
        }
        Work::Publish(door, uploads, connections) => {
            let requests: Vec<_> =
                uploads[round].iter().map(|upload| door.request(upload)).collect::<Outcome<_>>()?;
            let (address, connections) = (door.address()?, *connections);
            let sending = move || load::send(address, &requests, connections, pace.length);
            let sent = tokio::task::spawn_blocking(sending).await??;
            if let Some(failure) = &sent.failure {
                eprintln!("  {} failed, the first with: {failure}", sent.failed);
            }
            Ok((sent.rate(), sent.failed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series {
            samples: values.iter().map(|value| Sample { value: *value, load: 1.0 }).collect(),
            failed: 0,
        }
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // The machine was half as fast in the second round, and in the third for one of them only.
        let (ours, theirs) = (series(&[20.0, 10.0, 2.0]), series(&[10.0, 5.0, 10.0]));
        assert_eq!(ours.ratio_to(&theirs), 2.0);
        assert_eq!((ours.value(), theirs.value()), (10.0, 10.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }
}
