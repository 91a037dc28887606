//! How jobs look to people: a line each in a list, and one with its log.

use super::print::table;
use crate::documents::JobDocument;
use proget_core::clock::Timestamp;

/// What a line of the list has room for; the job itself shows all of it.
const SAID: usize = 80;

/// A list.
pub(super) fn jobs(jobs: &[JobDocument]) -> String {
    if jobs.is_empty() {
        return "there is no such job".into();
    }
    let row = |job: &JobDocument| {
        vec![
            job.id.to_string(),
            job.kind.clone(),
            state(job),
            node(job),
            tries(job),
            moment(job.enqueued),
            job.schedule.clone().unwrap_or_else(|| "-".into()),
            shortened(said(job)),
        ]
    };
    let heads = ["ID", "KIND", "STATE", "NODE", "ATTEMPT", "ENQUEUED", "SCHEDULE", "SAYS"];
    table(&heads, jobs.iter().map(row))
}

/// One job.
pub(super) fn job(job: &JobDocument) -> String {
    let mut lines = vec![("job", format!("{}, {}", job.id, job.kind)), ("state", state(job))];
    if !job.key.is_empty() {
        lines.push(("key", job.key.clone()));
    }
    if let (Some(schedule), Some(due)) = (&job.schedule, job.occurrence) {
        lines.push(("schedule", format!("{schedule}, due {}", moment(due))));
    }
    lines.push(("enqueued", moment(job.enqueued)));
    if job.state == "waiting" {
        lines.push(("not before", moment(job.due)));
    }
    if let Some(claim) = &job.claim {
        lines.push(("node", format!("{}, claimed for {} ms more", claim.node, claim.left_ms)));
    }
    lines.push(("attempt", tries(job)));
    if !job.progress.is_empty() {
        lines.push(("progress", job.progress.clone()));
    }
    if let Some(outcome) = &job.outcome {
        lines.push((if job.state == "done" { "outcome" } else { "said last" }, outcome.clone()));
    }
    if let Some(finished) = job.finished {
        lines.push(("finished", moment(finished)));
    }
    let mut text: String = lines.iter().map(|(name, value)| format!("{name:<11} {value}\n")).collect();
    match job.log.as_deref().unwrap_or_default() {
        [] => text += "\nits log is empty\n",
        log => {
            text.push('\n');
            for line in log {
                text += &format!("{} {}\n", moment(line.at), line.text);
            }
        }
    }
    text
}

fn state(job: &JobDocument) -> String {
    match (job.state.as_str(), job.cancel) {
        ("running", true) => "running, called off".into(),
        (state, _) => state.to_owned(),
    }
}

fn node(job: &JobDocument) -> String {
    job.claim.as_ref().map_or_else(|| "-".into(), |claim| claim.node.clone())
}

fn tries(job: &JobDocument) -> String {
    format!("{} of {}", job.attempt, job.attempts)
}

/// What it said last: how it ended, why it failed, or how far it is.
fn said(job: &JobDocument) -> &str {
    match (job.state.as_str(), &job.outcome) {
        ("running", _) | (_, None) => &job.progress,
        (_, Some(outcome)) => outcome,
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(SAID).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// To the second: nobody needs more at a prompt.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{ClaimDocument, LineDocument};

    fn running() -> JobDocument {
        JobDocument {
            id: 17,
            kind: "verify".into(),
            key: String::new(),
            state: "running".into(),
            attempt: 2,
            attempts: 3,
            enqueued: Timestamp(1_795_345_190_123),
            due: Timestamp(1_795_345_190_123),
            claim: Some(ClaimDocument { node: "a".into(), incarnation: "x".into(), left_ms: 25_000 }),
            cancel: false,
            progress: "12 files, 0 damaged".into(),
            outcome: Some("it was told to stop".into()),
            finished: None,
            schedule: Some("nightly".into()),
            occurrence: Some(Timestamp(1_795_345_200_000)),
            log: Some(vec![LineDocument { number: 1, at: Timestamp(1_795_345_201_000), text: "hm".into() }]),
        }
    }

    #[test]
    fn a_list_says_where_each_job_stands_and_what_it_said_last() {
        let text = jobs(&[running()]);
        let line = text.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..7], ["17", "verify", "running", "a", "2", "of", "3"], "{text}");
        assert!(line.ends_with("nightly   12 files, 0 damaged"), "{text}");
        let done = JobDocument { state: "failed".into(), ..running() };
        assert!(jobs(&[done]).contains("it was told to stop"));
        let long = JobDocument { progress: "é".repeat(SAID + 1), ..running() };
        assert!(jobs(&[long]).contains(&format!("{}…", "é".repeat(SAID))));
    }

    #[test]
    fn one_job_is_shown_with_its_log() {
        let text = job(&JobDocument { cancel: true, ..running() });
        for part in [
            "state       running, called off\n",
            "schedule    nightly, due 2026-11-22T",
            "node        a, claimed for 25000 ms more\n",
            "progress    12 files, 0 damaged\n",
            "said last   it was told to stop\n",
            "Z hm\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(job(&JobDocument { log: Some(Vec::new()), ..running() }).ends_with("its log is empty\n"));
    }
}
