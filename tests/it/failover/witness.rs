//! The database as a witness: triggers write down, in the very transactions that change them, what
//! becomes of fences, leases and jobs. Whatever is rolled back leaves nothing, and since the changed row is
//! locked from the note to the commit, the notes about a role or a job stand in the order of commits.

use anyhow::{Context as _, bail};
use proget_tests::{Database, Outcome};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, QueryResult, Statement};

use super::history::{Fencing, History, JobStep, Kept, Stand};

const POSTGRES: &[&str] = &[
    "CREATE TABLE seen_fences (seq BIGSERIAL PRIMARY KEY, role TEXT, term BIGINT, holder TEXT, used BIGINT)",
    "CREATE TABLE seen_jobs (seq BIGSERIAL PRIMARY KEY, job BIGINT, state BIGINT, attempt BIGINT, \
     attempts BIGINT, schedule TEXT, occurrence BIGINT)",
    "CREATE TABLE seen_leases (seq BIGSERIAL PRIMARY KEY, role TEXT, term BIGINT, left_of_it BIGINT)",
    "CREATE FUNCTION see_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO seen_leases (role, term, left_of_it) \
     VALUES (NEW.role, NEW.term, NEW.expires - CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)); \
     RETURN NULL; END $$",
    "CREATE FUNCTION see_fence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO seen_fences (role, term, holder, used) \
     VALUES (NEW.role, NEW.term, NEW.holder::text, NEW.used); RETURN NULL; END $$",
    "CREATE FUNCTION see_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF TG_OP = 'INSERT' OR NEW.state <> OLD.state OR NEW.attempt <> OLD.attempt THEN \
     INSERT INTO seen_jobs (job, state, attempt, attempts, schedule, occurrence) \
     VALUES (NEW.id, NEW.state, NEW.attempt, NEW.attempts, NEW.schedule, NEW.occurrence); \
     END IF; RETURN NULL; END $$",
    "CREATE TRIGGER see_fence AFTER INSERT OR UPDATE ON fences FOR EACH ROW EXECUTE FUNCTION see_fence()",
    "CREATE TRIGGER see_lease AFTER UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION see_lease()",
    "CREATE TRIGGER see_job AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION see_job()",
];

const MARIADB: &[&str] = &[
    "CREATE TABLE seen_fences (seq BIGINT AUTO_INCREMENT PRIMARY KEY, role VARCHAR(255), term BIGINT, \
     holder VARCHAR(64), used BIGINT) ENGINE = InnoDB",
    "CREATE TABLE seen_jobs (seq BIGINT AUTO_INCREMENT PRIMARY KEY, job BIGINT, state BIGINT, attempt BIGINT, \
     attempts BIGINT, schedule VARCHAR(255), occurrence BIGINT) ENGINE = InnoDB",
    "CREATE TABLE seen_leases (seq BIGINT AUTO_INCREMENT PRIMARY KEY, role VARCHAR(255), term BIGINT, \
     left_of_it BIGINT) ENGINE = InnoDB",
    "CREATE TRIGGER see_lease AFTER UPDATE ON leases FOR EACH ROW \
     INSERT INTO seen_leases (role, term, left_of_it) VALUES (CONVERT(NEW.role USING utf8mb4), NEW.term, \
     NEW.expires - CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED))",
    "CREATE TRIGGER see_fence_new AFTER INSERT ON fences FOR EACH ROW \
     INSERT INTO seen_fences (role, term, holder, used) \
     VALUES (CONVERT(NEW.role USING utf8mb4), NEW.term, HEX(NEW.holder), NEW.used)",
    "CREATE TRIGGER see_fence AFTER UPDATE ON fences FOR EACH ROW \
     INSERT INTO seen_fences (role, term, holder, used) \
     VALUES (CONVERT(NEW.role USING utf8mb4), NEW.term, HEX(NEW.holder), NEW.used)",
    "CREATE TRIGGER see_job_new AFTER INSERT ON jobs FOR EACH ROW \
     INSERT INTO seen_jobs (job, state, attempt, attempts, schedule, occurrence) \
     VALUES (NEW.id, NEW.state, NEW.attempt, NEW.attempts, CONVERT(NEW.schedule USING utf8mb4), NEW.occurrence)",
    "CREATE TRIGGER see_job AFTER UPDATE ON jobs FOR EACH ROW \
     INSERT INTO seen_jobs (job, state, attempt, attempts, schedule, occurrence) \
     SELECT NEW.id, NEW.state, NEW.attempt, NEW.attempts, CONVERT(NEW.schedule USING utf8mb4), NEW.occurrence \
     FROM DUAL WHERE NEW.state <> OLD.state OR NEW.attempt <> OLD.attempt",
];

/// Has everything written down from now on.
pub(super) async fn watch(database: &Database) -> Outcome {
    let raw = database.connect().await?;
    let statements = if database.url.starts_with("postgres") { POSTGRES } else { MARIADB };
    for statement in statements {
        raw.execute_unprepared(statement).await.with_context(|| format!("witness: {statement}"))?;
    }
    Ok(raw.close().await?)
}

/// Whether the lease of the primary's term was given back in the end, by whoever had it; if not, it ran out.
pub(super) async fn was_given_back(database: &Database, term: i64) -> Outcome<bool> {
    let raw = database.connect().await?;
    let last = format!(
        "SELECT left_of_it FROM seen_leases WHERE role = 'primary' AND term = {term} ORDER BY seq DESC LIMIT 1"
    );
    let rows = all(&raw, &last).await?;
    let left: i64 = rows.first().context("nobody saw the lease of that term")?.try_get_by_index(0)?;
    raw.close().await?;
    // Whoever renews or takes a lease has nearly all of it left.
    Ok(left <= 0)
}

/// How often the lease of the primary's term was renewed; never, if it was given back.
pub(super) async fn renewals(raw: &DatabaseConnection, term: i64) -> Outcome<usize> {
    let notes =
        format!("SELECT left_of_it FROM seen_leases WHERE role = 'primary' AND term = {term} ORDER BY seq");
    let rows = all(raw, &notes).await?;
    let left = rows.iter().map(|row| row.try_get_by_index::<i64>(0));
    let left = left.collect::<Result<Vec<_>, _>>()?;
    Ok(if left.iter().all(|left| *left > 0) { left.len().saturating_sub(1) } else { 0 })
}

/// What was written down, and what is kept of the packages of npm.
pub(super) async fn testimony(database: &Database, history: &mut History) -> Outcome {
    let raw = database.connect().await?;
    for row in all(&raw, "SELECT role, term, holder, used FROM seen_fences ORDER BY seq").await? {
        let (role, holder) = (row.try_get_by_index(0)?, row.try_get_by_index(2)?);
        let (term, used) = (row.try_get_by_index(1)?, row.try_get_by_index(3)?);
        history.fencing.push(Fencing { role, term, holder, used });
    }
    let jobs = "SELECT job, state, attempt, attempts, schedule, occurrence FROM seen_jobs ORDER BY seq";
    for row in all(&raw, jobs).await? {
        let stand = match row.try_get_by_index::<i64>(1)? {
            0 => Stand::Waiting,
            1 => Stand::Running,
            2 => Stand::Done,
            3 | 4 => Stand::GivenUp,
            other => bail!("the test does not know the state {other} of a job"),
        };
        let (schedule, occurrence) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
        let due = Option::<String>::zip(schedule, occurrence);
        let (attempt, attempts) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        history.jobs.push(JobStep { job: row.try_get_by_index(0)?, stand, attempt, attempts, due });
    }
    let kept = "SELECT packages.name, versions.version, COUNT(files.id), COUNT(blobs.id) FROM feeds \
        JOIN packages ON packages.feed_id = feeds.id JOIN versions ON versions.package_id = packages.id \
        LEFT JOIN files ON files.version_id = versions.id \
        LEFT JOIN blobs ON blobs.id = files.blob_id AND blobs.state = 1 \
        WHERE feeds.name = 'internal' GROUP BY packages.name, versions.version";
    for row in all(&raw, kept).await? {
        let what = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let kept = Kept { files: row.try_get_by_index(2)?, live: row.try_get_by_index(3)? };
        history.kept.insert(what, kept);
    }
    Ok(raw.close().await?)
}

async fn all(raw: &DatabaseConnection, sql: &str) -> Outcome<Vec<QueryResult>> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    raw.query_all_raw(statement).await.with_context(|| format!("witness: {sql}"))
}
