//! The part of the small world that is about work: jobs, schedules, mode and settings. A claim holds
//! for an hour or has run out at once, so no clock decides which of two catalogues is right.

use proget_core::catalog::{
    Catalog, CatalogError, Change, Expect, InstanceChange, JobChange, JobEnd, JobFilter, JobKind, JobRow,
    NewJob, Occurrence, PageRequest,
};
use proget_core::clock::Timestamp;
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::conformance::Dice;
use proget_core::ids::{ClaimToken, Incarnation, JobId, Stamp};
use std::time::Duration;

const KINDS: [JobKind; 2] = [JobKind::new("verify"), JobKind::new("clean-up")];
const KEYS: [&str; 3] = ["", "npm", "NPM"];
const NODES: [&str; 2] = ["web-1", "web-2"];
const NAMES: [&str; 3] = ["nightly", "Nightly", "hourly"];
const VALUES: [&str; 3] = ["", "one", "One"];
const LONG: Duration = Duration::from_secs(3600);

/// A change by names.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Enqueue { job: Wanted, input: &'static str, later: bool, attempts: u32 },
    Claim { which: Which, token: ClaimToken, holder: Incarnation, holds: bool },
    Renew { which: Which, holds: bool, progress: Option<&'static str> },
    Say(Which, &'static str),
    Finish(Which, JobEnd),
    Cancel(Which),
    ReleaseAllOf(Which),
    Forget { old_only: bool },
    PutSchedule { name: &'static str, job: Wanted, enabled: bool },
    RemoveSchedule(&'static str),
    Occur { name: &'static str, minutes: u64, as_read: bool, job: Wanted },
    Mode { as_read: bool, mode: ClusterMode, service: Option<&'static str> },
    Settle(&'static str),
    Set(&'static str, Option<&'static str>),
}

/// What is expected about work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    Serving(&'static str),
    Held(Which),
    Setting(&'static str, Option<&'static str>),
}

/// A kind and a key.
type Wanted = (usize, &'static str);

/// The so-manieth of the newest jobs, and whether its claim is proved by the right token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which {
    back: usize,
    right: bool,
}

fn which(dice: &mut Dice) -> Which {
    Which { back: dice.below(4), right: dice.percent(90) }
}

fn wanted(dice: &mut Dice) -> Wanted {
    (dice.below(KINDS.len()), *dice.pick(&KEYS))
}

fn value(dice: &mut Dice) -> Option<&'static str> {
    dice.percent(70).then(|| *dice.pick(&VALUES))
}

impl Work {
    pub(super) fn is_fenced(&self) -> bool {
        matches!(self, Self::Occur { .. })
    }

    pub(super) fn random(dice: &mut Dice) -> Self {
        let (name, node) = (*dice.pick(&NAMES), *dice.pick(&NODES));
        match dice.below(40) {
            0..=6 => {
                let (later, attempts) = (dice.percent(20), 1 + u32::from(dice.percent(60)));
                Self::Enqueue { job: wanted(dice), input: dice.pick::<&str>(&VALUES), later, attempts }
            }
            7..=15 => {
                let (token, holder) = (ClaimToken::random(), Incarnation::random());
                Self::Claim { which: which(dice), token, holder, holds: dice.percent(70) }
            }
            16..=17 => Self::Renew { which: which(dice), holds: dice.percent(70), progress: value(dice) },
            18..=20 => Self::Say(which(dice), dice.pick::<&str>(&VALUES)),
            21..=25 => {
                let (what, again) = ((*dice.pick(&VALUES)).to_owned(), Duration::ZERO);
                let end = match dice.below(6) {
                    0..=1 => JobEnd::Done(what),
                    2..=3 => JobEnd::Failed { why: what, again },
                    4 => JobEnd::Cancelled,
                    _ => JobEnd::Released,
                };
                Self::Finish(which(dice), end)
            }
            26..=27 => Self::Cancel(which(dice)),
            28 => Self::ReleaseAllOf(which(dice)),
            29 => Self::Forget { old_only: dice.percent(70) },
            30 => Self::PutSchedule { name, job: wanted(dice), enabled: dice.percent(70) },
            31 => Self::RemoveSchedule(name),
            32..=34 => {
                let (minutes, as_read) = (1 + u64::from(dice.percent(20)), dice.percent(85));
                Self::Occur { name, minutes, as_read, job: wanted(dice) }
            }
            35..=36 => {
                let (mode, service) = (*dice.pick(&ClusterMode::ALL), dice.percent(70).then_some(node));
                Self::Mode { as_read: dice.percent(85), mode, service }
            }
            37 => Self::Settle(node),
            _ => Self::Set(name, value(dice)),
        }
    }

    pub(super) async fn resolve(&self, catalog: &dyn Catalog) -> Result<Change, CatalogError> {
        let hold = |holds: bool| if holds { LONG } else { Duration::ZERO };
        let new_job = |job: Wanted, input: &str, after: Duration, attempts: u32| {
            let (kind, key) = (KINDS[job.0].clone(), job.1.to_owned());
            NewJob { kind, key, input: input.to_owned(), after, attempts }
        };
        Ok(match self.clone() {
            Self::Enqueue { job, input, later, attempts } => {
                JobChange::Enqueue(new_job(job, input, hold(later), attempts)).into()
            }
            Self::Claim { which, token, holder, holds } => {
                let (job, _) = claimed(catalog, which).await?;
                JobChange::Claim { job, token, node: node(NODES[0])?, holder, hold: hold(holds) }.into()
            }
            Self::Renew { which, holds, progress } => {
                let (job, token) = claimed(catalog, which).await?;
                JobChange::Renew { job, token, hold: hold(holds), progress: progress.map(str::to_owned) }
                    .into()
            }
            Self::Say(which, text) => {
                let (job, token) = claimed(catalog, which).await?;
                JobChange::Say { job, token, text: text.to_owned() }.into()
            }
            Self::Finish(which, end) => {
                let (job, token) = claimed(catalog, which).await?;
                JobChange::Finish { job, token, end }.into()
            }
            Self::Cancel(which) => JobChange::Cancel(claimed(catalog, which).await?.0).into(),
            Self::ReleaseAllOf(which) => {
                let claim = row(catalog, which).await?.and_then(|row| row.claim);
                JobChange::ReleaseAllOf(claim.map_or_else(Incarnation::random, |claim| claim.holder)).into()
            }
            Self::Forget { old_only } => JobChange::Forget { over_for: hold(old_only) }.into(),
            Self::PutSchedule { name, job, enabled } => {
                let (kind, key) = (KINDS[job.0].to_string(), job.1.to_owned());
                let (name, cron, input) = (name.to_owned(), "0 3 * * *".to_owned(), "{}".to_owned());
                JobChange::PutSchedule { name, cron, kind, key, input, enabled }.into()
            }
            Self::RemoveSchedule(name) => JobChange::RemoveSchedule(name.to_owned()).into(),
            Self::Occur { name, minutes, as_read, job } => {
                let schedules = catalog.schedules().await?;
                let found = schedules.iter().find(|row| row.name == name);
                let last = found.map_or(Timestamp(0), |row| row.last);
                let occurrence = Occurrence {
                    schedule: name.to_owned(),
                    due: last.plus(Duration::from_secs(60 * minutes)),
                };
                let last = if as_read { last } else { last.minus(LONG) };
                let job = new_job(job, "", Duration::ZERO, 2);
                JobChange::Occur { occurrence, last, job }.into()
            }
            Self::Mode { as_read, mode, service } => {
                let from = if as_read { catalog.revision().await? } else { Stamp::random() };
                InstanceChange::Mode { from, mode, service_node: service.map(node).transpose()? }.into()
            }
            Self::Settle(name) => InstanceChange::Settle(node(name)?).into(),
            Self::Set(name, value) => {
                InstanceChange::Set { name: name.to_owned(), value: value.map(str::to_owned) }.into()
            }
        })
    }
}

impl Condition {
    pub(super) fn random(dice: &mut Dice) -> Self {
        match dice.below(3) {
            0 => Self::Serving(dice.pick::<&str>(&NODES)),
            1 => Self::Held(which(dice)),
            _ => Self::Setting(dice.pick::<&str>(&NAMES), value(dice)),
        }
    }

    pub(super) async fn resolve(self, catalog: &dyn Catalog) -> Result<Expect, CatalogError> {
        Ok(match self {
            Self::Serving(name) => Expect::Serving(node(name)?),
            Self::Held(which) => {
                let (job, token) = claimed(catalog, which).await?;
                Expect::ClaimHeld(job, token)
            }
            Self::Setting(name, value) => Expect::Setting(name.to_owned(), value.map(str::to_owned)),
        })
    }
}

/// The inputs of all that may be claimed. Which of them is due for longest, clocks decide.
pub(super) async fn claimable(catalog: &dyn Catalog) -> Result<Vec<String>, CatalogError> {
    let rows = catalog.claimable(&KINDS, 10_000).await?;
    let mut found: Vec<String> = rows
        .into_iter()
        .map(|row| format!("{} {:?} {:?} {}", row.kind, row.key, row.input, row.state))
        .collect();
    found.sort();
    Ok(found)
}

fn node(name: &str) -> Result<NodeName, CatalogError> {
    NodeName::new(name).map_err(|_| CatalogError::Other { doing: "naming a node of the tests", source: None })
}

async fn row(catalog: &dyn Catalog, which: Which) -> Result<Option<JobRow>, CatalogError> {
    let rows = catalog.jobs(&JobFilter::default(), &PageRequest::first(10)).await?.rows;
    Ok(rows.into_iter().nth(which.back))
}

/// A job's number and the token of its claim, or such as nobody has.
async fn claimed(catalog: &dyn Catalog, which: Which) -> Result<(JobId, ClaimToken), CatalogError> {
    let row = row(catalog, which).await?;
    let token = row.as_ref().and_then(|row| row.claim.as_ref()).map(|claim| claim.token);
    let token = token.filter(|_| which.right).unwrap_or_else(ClaimToken::random);
    Ok((row.map_or(JobId(1_000_000_000), |row| row.id), token))
}
