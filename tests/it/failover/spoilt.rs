//! The judge of histories objects to every kind of spoilt history, and to no good one.

use std::time::Duration;

use anyhow::ensure;
use proget_tests::Outcome;

use super::history::{Fencing, History, JobStep, Kept, Publishing, Reading, Stand};

fn fencing(term: i64, holder: &str, used: i64) -> Fencing {
    Fencing { role: "primary".into(), term, holder: holder.into(), used }
}

fn step(job: i64, stand: Stand, attempt: i64) -> JobStep {
    JobStep { job, stand, attempt, attempts: 3, due: (job == 2).then(|| ("nightly".into(), 60)) }
}

/// A succession, a job that was taken over, one that was given back and failed once, a publish that was acknowledged and one whose answer was lost.
fn good() -> History {
    let at = Duration::from_millis;
    let version = |text: &str| ("left".to_owned(), text.to_owned());
    History {
        fencing: vec![fencing(1, "a", 0), fencing(1, "a", 1), fencing(3, "b", 1), fencing(3, "b", 2)],
        jobs: vec![
            step(1, Stand::Waiting, 0),
            step(2, Stand::Waiting, 0),
            step(1, Stand::Running, 1),
            step(2, Stand::Running, 1),
            step(1, Stand::Running, 2),
            step(2, Stand::Waiting, 0),
            step(2, Stand::Running, 1),
            step(2, Stand::Waiting, 1),
            step(2, Stand::Running, 2),
            step(2, Stand::Done, 2),
            step(1, Stand::Done, 2),
        ],
        wanted: [("nightly".into(), 60)].into(),
        ordered: [1].into(),
        publishes: vec![
            Publishing { what: version("1.0.0"), began: at(1), acknowledged: Some(at(3)) },
            Publishing { what: version("2.0.0"), began: at(4), acknowledged: None },
        ],
        readings: vec![Reading {
            name: "left".into(),
            began: at(5),
            ended: at(6),
            listed: ["1.0.0".to_owned(), "2.0.0".to_owned()].into(),
        }],
        kept: [version("1.0.0"), version("2.0.0")].map(|what| (what, Kept { files: 1, live: 1 })).into(),
    }
}

#[test]
fn a_good_history_is_not_objected_to() -> Outcome {
    let found = good().objections();
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[test]
fn every_spoilt_history_is_objected_to() -> Outcome {
    type Spoil = fn(&mut History);
    let ways: [(&str, Spoil); 19] = [
        ("a late write was accepted", |history| history.fencing.push(fencing(1, "a", 2))),
        ("two acted in one term", |history| history.fencing.push(fencing(3, "c", 3))),
        ("neither a proof nor a planting", |history| history.fencing.push(fencing(3, "b", 4))),
        ("neither a proof nor a planting", |history| history.fencing.push(fencing(4, "c", 3))),
        ("a job went a way that there is not", |history| history.jobs.push(step(1, Stand::Done, 2))),
        ("a job went a way that there is not", |history| history.jobs.push(step(1, Stand::Running, 3))),
        ("a job went a way that there is not", |history| history.jobs[4].attempt = 4),
        ("a job went a way that there is not", |history| history.jobs[4].attempt = 1),
        ("a job went a way that there is not", |history| history.jobs[5].attempt = 2),
        ("a job went a way that there is not", |history| history.jobs[7].attempt = -1),
        ("one occurrence, two jobs", |history| {
            history.jobs.push(JobStep { job: 3, ..step(2, Stand::Waiting, 0) });
        }),
        ("never became a job", |history| history.wanted.extend([("nightly".into(), 120)])),
        ("did not run to its end", |history| drop(history.jobs.pop())),
        ("is not there", |history| history.ordered.extend([9])),
        ("acknowledged and lost", |history| {
            history.kept.pop_first();
        }),
        ("half there", |history| {
            history.kept.values_mut().for_each(|kept| kept.live = 0);
        }),
        ("nobody sent it", |history| {
            history.kept.insert(("left".into(), "9.0.0".into()), Kept { files: 1, live: 1 });
        }),
        ("not seen afterwards", |history| {
            history.readings[0].listed.remove("1.0.0");
        }),
        ("seen before it was sent", |history| history.publishes[1].began = Duration::from_secs(1)),
    ];
    for (objection, spoil) in ways {
        let mut history = good();
        spoil(&mut history);
        let found = history.objections();
        ensure!(found.iter().any(|found| found.contains(objection)), "{objection:?} is not in {found:#?}");
    }
    Ok(())
}
