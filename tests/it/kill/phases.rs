//! In which phase of a publish a kill fell, read from the log that the killed server left.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use proget_tests::Outcome;
use serde_json::Value;

/// A publish is in a phase from one step of its log to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The bytes are coming in.
    Receiving,
    /// The package is being opened.
    Inspecting,
    /// Policies are asked and the digest is reserved.
    Reserving,
    /// The bytes are brought to their place.
    Putting,
    /// The moment of publication itself.
    Committing,
    /// It is published, and the client does not know it yet.
    Answering,
}

impl Phase {
    const ALL: [Self; 6] = [
        Self::Receiving,
        Self::Inspecting,
        Self::Reserving,
        Self::Putting,
        Self::Committing,
        Self::Answering,
    ];

    /// The step in the log with which the phase begins.
    fn begins_with(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Inspecting => "received",
            Self::Reserving => "inspected",
            Self::Putting => "reserved",
            Self::Committing => "put",
            Self::Answering => "committed",
        }
    }

    fn of_step(step: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.begins_with() == step)
    }
}

/// The server's log from some point on.
#[derive(Debug)]
pub(super) struct Log {
    file: PathBuf,
    from: u64,
}

impl Log {
    pub(super) fn from_here(file: PathBuf) -> Outcome<Self> {
        let from = file.metadata()?.len();
        Ok(Self { file, from })
    }

    fn read_from(&self, from: u64) -> Outcome<String> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns as soon as a publish enters `phase` after this call. On a thread of its own that
    /// looks often: what follows must happen before the phase is over.
    pub(super) async fn until_entering(&self, phase: Phase, limit: Duration) -> Outcome {
        let from = self.file.metadata()?.len();
        let log = Self { file: self.file.clone(), from };
        let step = format!("\"step\":\"{}\"", phase.begins_with());
        let wait = move || {
            let end = Instant::now() + limit;
            while Instant::now() < end {
                if log.read_from(log.from)?.contains(&step) {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            bail!("no publish came to {step} within {limit:?}")
        };
        tokio::task::spawn_blocking(wait).await?
    }

    /// The last step of each of these requests; nothing for one that had not come to its bytes.
    pub(super) fn last_steps(&self, requests: &[String]) -> Outcome<Vec<Option<Phase>>> {
        let mut last: BTreeMap<String, Phase> = BTreeMap::new();
        for line in self.read_from(self.from)?.lines() {
            // The last line may be cut: its writer was killed.
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            let Some(step) = line["step"].as_str() else { continue };
            let request = line["span"]["id"].as_str().context("a step outside of a request's span")?;
            let phase = Phase::of_step(step).with_context(|| format!("an unknown step {step}"))?;
            last.insert(request.to_owned(), phase);
        }
        Ok(requests.iter().map(|request| last.get(request).copied()).collect())
    }
}

/// How many publishes were cut off in which phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    kills: u32,
    hits: BTreeMap<Phase, u32>,
    not_begun: u32,
}

impl Tally {
    pub(super) fn count(&mut self, cut: &[Option<Phase>]) {
        self.kills += 1;
        for phase in cut {
            match phase {
                Some(phase) => *self.hits.entry(*phase).or_default() += 1,
                None => self.not_begun += 1,
            }
        }
    }

    fn hits(&self, phase: Phase) -> u32 {
        self.hits.get(&phase).copied().unwrap_or(0)
    }

    /// The phase that was hit least; the earliest of several.
    pub(super) fn least(&self) -> Phase {
        Phase::ALL.into_iter().min_by_key(|phase| self.hits(*phase)).unwrap_or(Phase::Committing)
    }

    pub(super) fn missing(&self) -> Vec<Phase> {
        Phase::ALL.into_iter().filter(|phase| self.hits(*phase) == 0).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} kills; publishes cut off while", self.kills)?;
        writeln!(f, "  {:<12} {:>5}", "not begun", self.not_begun)?;
        for phase in Phase::ALL {
            writeln!(f, "  {:<12} {:>5}", format!("{phase:?}").to_lowercase(), self.hits(phase))?;
        }
        Ok(())
    }
}

#[test]
fn a_phase_is_read_from_the_last_whole_line_of_a_request() -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    let line = |step: &str, id: &str| format!("{{\"step\":\"{step}\",\"span\":{{\"id\":\"{id}\"}}}}\n");
    let text =
        [line("receiving", "a"), line("receiving", "b"), line("received", "a"), "{\"step\":\"ins".into()];
    std::fs::write(file.path(), text.concat())?;
    let log = Log { file: file.path().to_owned(), from: 0 };
    let steps = log.last_steps(&["a".into(), "b".into(), "c".into()])?;
    assert_eq!(steps, [Some(Phase::Inspecting), Some(Phase::Receiving), None]);
    let mut tally = Tally::default();
    tally.count(&steps);
    assert_eq!(tally.least(), Phase::Reserving);
    assert_eq!(tally.missing().len(), 4);
    Ok(())
}
