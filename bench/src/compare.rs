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

/// Who does which work.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) who: Who,
    pub(crate) work: Work,
    /// Whose processor time the work takes. Of a node on PostgreSQL: ours alone.
    pub(crate) processes: Vec<u32>,
}

/// One figure of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// What is compared; more is better.
    pub(crate) value: f64,
    /// Microseconds of a processor for each answer; says how fast it would be if nobody else were
    /// on the machine.
    pub(crate) cost: f64,
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

    /// The median of the processor's microseconds for each answer.
    pub(crate) fn cost(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.cost))
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

/// What one run came to.
struct Done {
    value: f64,
    answers: f64,
    failed: usize,
}

/// Lets everybody work in turn.
pub(crate) async fn rounds(pace: Pace, unit: Unit, contenders: &[Contender]) -> Outcome<Vec<(Who, Series)>> {
    let mut all: Vec<(Who, Series)> =
        contenders.iter().map(|contender| (contender.who, Series::default())).collect();
    for contender in contenders {
        if let (Work::Get(request, connections), Who::Alone | Who::Postgres | Who::Nginx) =
            (&contender.work, contender.who)
        {
            wrk::run(request, *connections, Duration::from_secs(1)).await?;
        }
    }
    for round in 0..pace.rounds {
        for (contender, (who, series)) in contenders.iter().zip(&mut all) {
            let before = machine::processor_time(&contender.processes)?;
            let done = match (one(pace, unit, &contender.work, round).await, &who) {
                (Ok(done), _) => done,
                // A peer that stalls, or a feed that is too large, is a result and no reason to lose the others.
                (Err(error), Who::Peer(_) | Who::Large) => {
                    eprintln!("  {}: {error:#}", who.name());
                    Done { value: f64::NAN, answers: f64::NAN, failed: 1 }
                }
                (Err(error), _) => return Err(error.context(format!("measuring {who:?}"))),
            };
            let spent = machine::processor_time(&contender.processes)?.saturating_sub(before);
            series.failed += done.failed;
            let cost = spent.as_secs_f64() * 1e6 / done.answers;
            series.samples.push(Sample { value: done.value, cost, load: machine::load()? });
        }
    }
    Ok(all)
}

/// One server's work in one round.
async fn one(pace: Pace, unit: Unit, work: &Work, round: usize) -> Outcome<Done> {
    match work {
        Work::Get(request, connections) => {
            let run = wrk::run(request, *connections, pace.length).await?;
            let value = if unit == Unit::Requests { run.requests } else { run.bytes / 1_048_576.0 };
            Ok(Done { value, answers: run.requests * pace.length.as_secs_f64(), failed: 0 })
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
            Ok(Done { value: sent.rate(), answers: sent.accepted as f64, failed: sent.failed })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series {
            samples: values.iter().map(|value| Sample { value: *value, cost: 1.0, load: 1.0 }).collect(),
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
