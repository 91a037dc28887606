//! Changes to jobs and schedules.

use super::super::{JobKind, Occurrence};
use crate::clock::Timestamp;
use crate::cluster::NodeName;
use crate::ids::{ClaimToken, Incarnation, JobId};
use std::time::Duration;

/// A job to be enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its kind.
    pub kind: JobKind,
    /// What makes it unique among those of its kind that wait; up to 200 characters.
    pub key: String,
    /// Its input, as its kind writes it.
    pub input: String,
    /// Not to be claimed before this has passed, by the catalogue's clock.
    pub after: Duration,
    /// How often it may be claimed before it is given up; at least 1.
    pub attempts: u32,
}

/// How an attempt at a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// Well; in one line, what was done.
    Done(String),
    /// Not well; to be tried again after this time, or given up if that was the last attempt.
    Failed {
        /// Why, in one line, without secrets.
        why: String,
        /// When to try again.
        again: Duration,
    },
    /// Called off: an operator wanted it.
    Cancelled,
    /// Given back unfinished, because this node is leaving: it waits again, and the attempt does not count.
    Released,
}

/// A change to jobs and schedules.
#[derive(Debug, Clone)]
pub enum JobChange {
    /// Enqueues a job. One of that kind and key that waits and was never claimed *is* that job: it takes
    /// the new input, and the earlier due time. One that was claimed never absorbs it, nor does one
    /// that a schedule wanted.
    Enqueue(NewJob),
    /// Claims a job for a while: it must be waiting and due, or running under a claim that has run out;
    /// else `JobTaken`. The attempt counts from now on. Whether the job is to end (it was called off, or its
    /// attempts are used up because nodes died at it) is for whoever claimed it to find in the row.
    Claim {
        /// Which.
        job: JobId,
        /// The new claim.
        token: ClaimToken,
        /// The node, for people.
        node: NodeName,
        /// The process.
        holder: Incarnation,
        /// For how long, by the catalogue's clock.
        hold: Duration,
    },
    /// Prolongs a claim and says how far the work is; `ClaimLost` if it is not held.
    Renew {
        /// Which.
        job: JobId,
        /// The claim.
        token: ClaimToken,
        /// For how long from now.
        hold: Duration,
        /// How far the work is; `None` leaves what was said.
        progress: Option<String>,
    },
    /// Adds a line to a running job's log; `ClaimLost` if the claim is not held.
    Say {
        /// Which.
        job: JobId,
        /// The claim.
        token: ClaimToken,
        /// The line.
        text: String,
    },
    /// Ends an attempt; `ClaimLost` if the claim is not held.
    Finish {
        /// Which.
        job: JobId,
        /// The claim.
        token: ClaimToken,
        /// How it ended.
        end: JobEnd,
    },
    /// An operator wants a job to end: one that waits is over, one that runs is told. `Absent` if there
    /// is none or it is over.
    Cancel(JobId),
    /// Whatever this process has claimed may be claimed by anybody now: it was removed.
    ReleaseAllOf(Incarnation),
    /// Removes jobs that have been over for this long, with their logs; those that ended first before the
    /// others, and no more at once than is good for those who wait.
    Forget {
        /// For how long.
        over_for: Duration,
    },
    /// Makes a schedule, or changes all of it but its last occurrence. One that is enabled again, or gets
    /// other times, begins anew: what would have been due before this moment is not made up for.
    PutSchedule {
        /// Its name; up to 100 characters.
        name: String,
        /// When it is due, in the five fields of cron and in UTC; checked by the caller.
        cron: String,
        /// The kind of job it wants.
        kind: String,
        /// That job's key.
        key: String,
        /// That job's input.
        input: String,
        /// Is it followed?
        enabled: bool,
    },
    /// Removes a schedule; nothing happens if there is none. Jobs it wanted stay.
    RemoveSchedule(String),
    /// An occurrence of a schedule becomes a job, unless one has its row: the schedule's last occurrence
    /// must be `last`, else `Occurred`. Unique on (schedule, due). Fenced.
    Occur {
        /// The schedule and the moment; becomes the schedule's last occurrence.
        occurrence: Occurrence,
        /// The schedule's last occurrence as it was read.
        last: Timestamp,
        /// The job.
        job: NewJob,
    },
}
