//! Schedules as administrators deal with them, from the command line and over HTTP: wishes are checked
//! here, so that whoever dispatches finds only what it can follow.
//!
//! A kind that this build does not know is refused: a slip of the pen would make jobs that wait for ever.

use crate::documents::ScheduleDocument;
use crate::jobs::Verify;
use proget_cluster::Cron;
use proget_cluster::node::keys::RESEAL_ATTEMPTS;
use proget_core::catalog::{JobKind, NewJob, ScheduleRow};
use proget_core::clock::Timestamp;
use proget_core::ids::JobId;
use proget_core::keys::RESEAL;
use proget_core::{Principal, Problem, Refusal, Registry};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

/// The longest key of a job, in characters.
const LONGEST_KEY: usize = 200;

/// The longest input of a job, in bytes.
const LONGEST_INPUT: usize = 64 << 10;

/// A kind of job that this build does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KnownKind {
    kind: &'static str,
    /// How often one may be claimed before it is given up.
    attempts: u32,
}

/// Every kind that administrators may schedule.
const KINDS: &[KnownKind] = &[
    KnownKind { kind: Verify::KIND, attempts: Verify::ATTEMPTS },
    KnownKind { kind: RESEAL, attempts: RESEAL_ATTEMPTS },
];

/// A schedule to be made.
#[cfg_attr(not(feature = "cli"), expect(unreachable_pub, reason = "public where there are commands"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScheduleWish {
    /// Its name.
    pub name: String,
    /// When it is due: the five fields of cron, in UTC.
    pub cron: String,
    /// The kind of job it wants.
    pub kind: String,
    /// That job's key.
    #[serde(default)]
    pub key: String,
    /// That job's input.
    #[serde(default)]
    pub input: String,
    /// Is it followed from the start?
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// What is to be different about a schedule; what is absent stays.
#[cfg_attr(not(feature = "cli"), expect(unreachable_pub, reason = "public where there are commands"))]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScheduleChange {
    /// Other times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Another kind of job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Another input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Followed from now on, or not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// All schedules by name.
pub(crate) async fn list(registry: &Registry, caller: &Principal) -> Result<Vec<ScheduleDocument>, Problem> {
    let rows = registry.schedules(caller).await?;
    let now = now(registry, caller).await?;
    Ok(rows.into_iter().map(|row| document(row, now)).collect())
}

/// Makes one. It is due for the first time at its first moment after this one.
pub(crate) async fn add(
    registry: &Registry,
    caller: &Principal,
    wish: ScheduleWish,
) -> Result<ScheduleDocument, Problem> {
    let ScheduleWish { name, cron, kind, key, input, enabled } = wish;
    check_name(&name)?;
    if registry.schedules(caller).await?.iter().any(|row| row.name == name) {
        return Err(Problem::AlreadyExists(format!("there is a schedule '{name}' already; change that one")));
    }
    let row = ScheduleRow { name, cron, kind, key, input, enabled, last: Timestamp(0) };
    put(registry, caller, row).await
}

/// Changes one.
pub(crate) async fn change(
    registry: &Registry,
    caller: &Principal,
    name: &str,
    change: ScheduleChange,
) -> Result<ScheduleDocument, Problem> {
    if change == ScheduleChange::default() {
        return Err(Refusal::new("schedule", "nothing was given that could be changed").into());
    }
    let row = find(registry, caller, name).await?;
    let row = ScheduleRow {
        name: row.name,
        cron: change.cron.unwrap_or(row.cron),
        kind: change.kind.unwrap_or(row.kind),
        key: change.key.unwrap_or(row.key),
        input: change.input.unwrap_or(row.input),
        enabled: change.enabled.unwrap_or(row.enabled),
        last: row.last,
    };
    put(registry, caller, row).await
}

/// Removes one; jobs that it wanted stay.
pub(crate) async fn remove(registry: &Registry, caller: &Principal, name: &str) -> Result<(), Problem> {
    find(registry, caller, name).await?;
    registry.remove_schedule(caller, name).await
}

/// Wants the job of one now, apart from its times: whatever is due is due all the same.
pub(crate) async fn run(registry: &Registry, caller: &Principal, name: &str) -> Result<JobId, Problem> {
    let ScheduleRow { kind, key, input, .. } = find(registry, caller, name).await?;
    let attempts = known(&kind)?.attempts;
    let job = NewJob { kind: JobKind::named(kind), key, input, after: Duration::ZERO, attempts };
    registry.enqueue(caller, job).await
}

async fn find(registry: &Registry, caller: &Principal, name: &str) -> Result<ScheduleRow, Problem> {
    let rows = registry.schedules(caller).await?;
    let found = rows.into_iter().find(|row| row.name == name);
    found.ok_or_else(|| Problem::NotFound(format!("there is no schedule '{name}'")))
}

async fn put(
    registry: &Registry,
    caller: &Principal,
    mut row: ScheduleRow,
) -> Result<ScheduleDocument, Problem> {
    row.cron = row.cron.split_whitespace().collect::<Vec<_>>().join(" ");
    row.cron.parse::<Cron>().map_err(|refusal| Refusal { field: "cron".into(), ..refusal })?;
    known(&row.kind)?;
    if row.key.chars().count() > LONGEST_KEY {
        return Err(Refusal::new("key", format!("must have at most {LONGEST_KEY} characters")).into());
    }
    if row.input.len() > LONGEST_INPUT {
        return Err(Refusal::new("input", format!("must have at most {LONGEST_INPUT} bytes")).into());
    }
    registry.put_schedule(caller, row.clone()).await?;
    // As it is now: its beginning is the catalogue's to say.
    let row = find(registry, caller, &row.name).await?;
    Ok(document(row, now(registry, caller).await?))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(good) {
        let rule = format!("must have 1 to {LONGEST_NAME} letters, digits, '.', '_' and '-'");
        return Err(Refusal::new("name", rule));
    }
    Ok(())
}

fn known(kind: &str) -> Result<&'static KnownKind, Refusal> {
    KINDS.iter().find(|known| known.kind == kind).ok_or_else(|| {
        let kinds: Vec<&str> = KINDS.iter().map(|known| known.kind).collect();
        Refusal::new("kind", format!("is none that this server knows; it knows {}", kinds.join(", ")))
    })
}

async fn now(registry: &Registry, caller: &Principal) -> Result<Timestamp, Problem> {
    Ok(registry.instance(caller).await?.0.now)
}

fn document(row: ScheduleRow, now: Timestamp) -> ScheduleDocument {
    // One that another build wrote may not be understood here; then nobody here follows it either.
    let cron = row.cron.parse::<Cron>().ok().filter(|_| row.enabled);
    let next = cron.and_then(|cron| cron.next(row.last.max(now)));
    let ScheduleRow { name, cron, kind, key, input, enabled, last } = row;
    ScheduleDocument { name, cron, kind, key, input, enabled, last, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::blob::{IntakeLimits, PackageStore};
    use proget_core::catalog::{JobFilter, PageRequest};
    use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
    use proget_core::registry::FreshCatalog;
    use proget_storage::TokioRuntime;
    use std::sync::Arc;

    fn registry() -> Registry {
        let runtime = Arc::new(TokioRuntime);
        let fresh = FreshCatalog::new(Arc::new(MemoryCatalog::default()), runtime.clone());
        let (store, staging) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()));
        let packages = PackageStore::new(store, staging, IntakeLimits::default());
        Registry::new(fresh, packages, Vec::new(), runtime)
    }

    fn wish(name: &str, cron: &str, kind: &str) -> ScheduleWish {
        let (name, cron, kind) = (name.into(), cron.into(), kind.into());
        ScheduleWish { name, cron, kind, key: String::new(), input: String::new(), enabled: true }
    }

    #[tokio::test]
    async fn a_schedule_is_made_listed_changed_switched_off_and_on_run_and_removed() {
        let (registry, caller) = (registry(), Principal::system());
        let made = add(&registry, &caller, wish("nightly", " 0  3 * * * ", "verify")).await.unwrap();
        assert_eq!((made.cron.as_str(), made.enabled), ("0 3 * * *", true));
        assert!(made.next.unwrap() > made.last, "it is due in the future: {made:?}");
        let twice = add(&registry, &caller, wish("nightly", "0 4 * * *", "verify")).await;
        assert!(matches!(twice, Err(Problem::AlreadyExists(_))), "{twice:?}");
        let off = ScheduleChange { enabled: Some(false), ..ScheduleChange::default() };
        let off = change(&registry, &caller, "nightly", off).await.unwrap();
        assert_eq!((off.enabled, off.next, off.cron.as_str()), (false, None, "0 3 * * *"));
        let on =
            ScheduleChange { enabled: Some(true), cron: Some("*/5 * * * *".into()), ..Default::default() };
        let on = change(&registry, &caller, "nightly", on).await.unwrap();
        assert!(on.next.is_some() && on.last >= off.last, "{on:?}");
        assert_eq!(list(&registry, &caller).await.unwrap().len(), 1);
        let job = run(&registry, &caller, "nightly").await.unwrap();
        let jobs = registry.jobs(&caller, &JobFilter::default(), &PageRequest::first(9)).await.unwrap().rows;
        let wanted: Vec<_> = jobs.iter().map(|row| (row.id, row.kind.as_str(), row.attempts)).collect();
        assert_eq!(wanted, [(job, "verify", 3)]);
        remove(&registry, &caller, "nightly").await.unwrap();
        assert_eq!(list(&registry, &caller).await.unwrap(), []);
        for gone in
            [remove(&registry, &caller, "nightly").await, run(&registry, &caller, "nightly").await.map(drop)]
        {
            assert_eq!(gone, Err(Problem::NotFound("there is no schedule 'nightly'".into())));
        }
    }

    #[tokio::test]
    async fn what_could_not_be_followed_is_refused_by_the_name_of_its_field() {
        let (registry, caller) = (registry(), Principal::system());
        let long = "x".repeat(LONGEST_NAME + 1);
        for (wish, field) in [
            (wish("", "0 3 * * *", "verify"), "name"),
            (wish("a b", "0 3 * * *", "verify"), "name"),
            (wish(&long, "0 3 * * *", "verify"), "name"),
            (wish("a", "0 3 * *", "verify"), "cron"),
            (wish("a", "61 3 * * *", "verify"), "cron"),
            (wish("a", "0 3 * * *", "verfy"), "kind"),
            (ScheduleWish { key: "k".repeat(201), ..wish("a", "0 3 * * *", "verify") }, "key"),
            (ScheduleWish { input: "i".repeat(70_000), ..wish("a", "0 3 * * *", "verify") }, "input"),
        ] {
            match add(&registry, &caller, wish.clone()).await {
                Err(Problem::Refused(refusal)) => assert_eq!(refusal.field, field, "{wish:?}"),
                other => panic!("{wish:?}: {other:?}"),
            }
        }
        assert_eq!(list(&registry, &caller).await.unwrap(), []);
        let stranger = list(&registry, &Principal::anonymous()).await;
        assert!(matches!(stranger, Err(Problem::Unauthenticated(_))), "{stranger:?}");
    }
}
