//! Carries missing steps out, once, however many processes start at the same moment.
//!
//! PostgreSQL and SQLite: each step is one transaction that begins with its guard row, so a second
//! process waits for the first and then finds the step done. MariaDB commits with every statement
//! that changes the schema, so there a named lock is held by the very session that works, the
//! statements can be repeated, and a step is recorded as started and as finished.

use super::super::dialect::Dialect;
use super::super::error::OpenError;
use super::super::fault::Fault;
use super::super::options::SqlOptions;
use super::super::session::{Columns, Session, values};
use super::super::target::Target;
use super::{Fill, STEPS, cluster_work, later, search_grams};
use sea_orm::{DatabaseConnection, TransactionTrait as _};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What this build calls itself in the record of steps.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The table that records steps; older than every step, and never changed.
const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_steps (
        number BIGINT NOT NULL PRIMARY KEY,
        name {text} NOT NULL,
        oldest BIGINT NOT NULL,
        build {text} NOT NULL,
        started BIGINT NOT NULL,
        finished BIGINT
    ) {table}";

/// A step as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepStatus {
    /// Its place among the steps.
    pub number: i64,
    /// What it does.
    pub name: String,
    /// By which build it was carried out.
    pub build: String,
    /// When it was finished, in milliseconds since 1970 by the database's clock; `None` if it was not.
    pub finished: Option<i64>,
}

/// What state a schema is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStatus {
    /// Which database, without a password.
    pub database: String,
    /// Steps that were begun or carried out, in their order.
    pub done: Vec<StepStatus>,
    /// Names of steps that this build knows and the database has not finished.
    pub missing: Vec<String>,
    /// The newest step that a build has to know at least, once the missing ones are carried out: builds
    /// that know less stop working on this database then. 0 if nothing is missing.
    pub will_need: i64,
    /// The build that made the schema too new for this one, if one did.
    pub too_new: Option<String>,
}

/// A step that is to be there: one of our own, or one that another crate brings along.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) number: i64,
    pub(super) name: &'static str,
    pub(super) oldest: i64,
    pub(super) statements: Vec<&'static str>,
    pub(super) fill: Fill,
}

/// All of them in their order, our own first.
fn wanted(dialect: Dialect, options: &SqlOptions) -> Vec<Wanted> {
    let own = STEPS.iter().map(|step| Wanted {
        number: step.number,
        name: step.name,
        oldest: step.oldest,
        statements: (step.statements)(dialect).to_vec(),
        fill: step.fill,
    });
    let foreign = options.also.iter().map(|step| Wanted {
        number: step.number,
        name: step.name,
        // Every build works beside it, also one that has never heard of it.
        oldest: 1,
        statements: step.statements(dialect).to_vec(),
        fill: Fill::Nothing,
    });
    let mut wanted: Vec<Wanted> =
        own.chain(options.later.iter().map(later::LaterStep::wanted)).chain(foreign).collect();
    wanted.sort_by_key(|step| step.number);
    wanted
}

/// Reads which steps were carried out.
pub(in super::super) async fn inspect(
    session: &Session,
    target: &Target,
    options: &SqlOptions,
) -> Result<SchemaStatus, Fault> {
    let known = session.number(session.dialect.table_exists(), values!["schema_steps"]).await?;
    let mut done = Vec::new();
    let mut too_new = None;
    let newest = later::newest(&options.later);
    if known.unwrap_or(0) > 0 {
        let sql = "SELECT number, name, oldest, build, finished FROM schema_steps ORDER BY number";
        for row in session.all(sql, values![]).await? {
            let mut columns = Columns::of(&row, session.dialect);
            let (number, name, oldest) = (columns.int()?, columns.text()?, columns.int()?);
            let (build, finished) = (columns.text()?, columns.maybe_int()?);
            if oldest > newest {
                too_new = Some(build.clone());
            }
            done.push(StepStatus { number, name, build, finished });
        }
    }
    let finished: BTreeSet<i64> =
        done.iter().filter(|step| step.finished.is_some()).map(|step| step.number).collect();
    let wanted = wanted(session.dialect, options);
    let absent = || wanted.iter().filter(|step| !finished.contains(&step.number));
    let missing = absent().map(|step| step.name.to_owned()).collect();
    let will_need = absent().map(|step| step.oldest).max().unwrap_or(0);
    Ok(SchemaStatus { database: target.to_string(), done, missing, will_need, too_new })
}

/// Has somebody, since this process looked, begun a step on whose result it does not work?
pub(in super::super) async fn too_new(session: &Session, options: &SqlOptions) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM schema_steps WHERE oldest > ?";
    Ok(session.any(sql, values![later::newest(&options.later)]).await?)
}

/// Carries out what is missing, on a pool of one connection.
pub(in super::super) async fn bring_up_to_date(
    connection: &DatabaseConnection,
    target: &Target,
    options: &SqlOptions,
) -> Result<(), OpenError> {
    let failed = |step: &str, fault: Fault| OpenError::Migration {
        database: target.to_string(),
        step: step.to_owned(),
        source: Box::new(fault),
    };
    let dialect = target.dialect();
    let wanted = wanted(dialect, options);
    if dialect == Dialect::MySql {
        // A transaction only to keep hold of one connection: the lock belongs to its session.
        let pinned = connection.begin().await.map_err(|error| failed("lock", error.into()))?;
        let session = Session::transaction(pinned, dialect);
        take_named_lock(&session).await.map_err(|fault| failed("lock", fault))?;
        let worked = repeatable_steps(&session, &wanted, &failed).await;
        let released = session.exec_plain("DO RELEASE_LOCK(CONCAT('proget-schema-', DATABASE()))").await;
        worked?;
        return released.map_err(|error| failed("unlock", error.into()));
    }
    make_record(connection, dialect).await.map_err(|fault| failed("record", fault))?;
    for step in &wanted {
        guarded_step(connection, dialect, step).await.map_err(|fault| failed(step.name, fault))?;
    }
    Ok(())
}

/// Two processes that create one table at once collide in PostgreSQL's own catalogue, IF NOT
/// EXISTS or not; a lock that ends with the transaction keeps them apart.
async fn make_record(connection: &DatabaseConnection, dialect: Dialect) -> Result<(), Fault> {
    let session = Session::transaction(connection.begin().await?, dialect);
    if dialect == Dialect::Postgres {
        session.exec_plain("SELECT pg_advisory_xact_lock(8624, 1)").await?;
    }
    session.exec_plain(RECORD).await?;
    Ok(session.commit().await?)
}

async fn guarded_step(connection: &DatabaseConnection, dialect: Dialect, step: &Wanted) -> Result<(), Fault> {
    let session = Session::transaction(connection.begin().await?, dialect);
    if begin_step(&session, step).await? == 0 {
        return Ok(session.roll_back().await?);
    }
    for statement in &step.statements {
        session.exec_plain(statement).await?;
    }
    end_step(&session, step).await?;
    Ok(session.commit().await?)
}

async fn take_named_lock(session: &Session) -> Result<(), Fault> {
    let sql = "SELECT CAST(GET_LOCK(CONCAT('proget-schema-', DATABASE()), 60) AS SIGNED)";
    match session.number(sql, values![]).await? {
        Some(1) => Ok(()),
        _ => Err(Fault::NoAnswer),
    }
}

async fn repeatable_steps(
    session: &Session,
    wanted: &[Wanted],
    failed: &impl Fn(&str, Fault) -> OpenError,
) -> Result<(), OpenError> {
    session.exec_plain(RECORD).await.map_err(|error| failed("record", error.into()))?;
    for step in wanted {
        repeatable_step(session, step).await.map_err(|fault| failed(step.name, fault))?;
    }
    Ok(())
}

async fn repeatable_step(session: &Session, step: &Wanted) -> Result<(), Fault> {
    let finished = "SELECT 1 FROM schema_steps WHERE number = ? AND finished IS NOT NULL";
    if session.any(finished, values![step.number]).await? {
        return Ok(());
    }
    begin_step(session, step).await?;
    for statement in &step.statements {
        match session.exec_plain(statement).await.map_err(Fault::from) {
            // MySQL has no IF NOT EXISTS for indexes and columns: one of that name was made by an
            // earlier attempt at this step.
            Err(fault) if is_there_already(&fault) => {}
            done => done?,
        }
    }
    end_step(session, step).await
}

fn is_there_already(fault: &Fault) -> bool {
    use sea_orm::{DbErr, RuntimeErr};
    let Fault::Database(DbErr::Exec(RuntimeErr::SqlxError(error))) = fault else { return false };
    let database = error.as_database_error();
    let mysql = database.and_then(|error| error.try_downcast_ref::<sea_orm::SqlxMySqlError>());

    mysql.is_some_and(|error| matches!(error.number(), 1060 | 1061))
}

async fn begin_step(session: &Session, step: &Wanted) -> Result<u64, Fault> {
    let sql = "INSERT INTO schema_steps (number, name, oldest, build, started) VALUES (?, ?, ?, ?, {now}) {keep number}";
    Ok(session.exec(sql, values![step.number, step.name, step.oldest, BUILD]).await?)
}

async fn end_step(session: &Session, step: &Wanted) -> Result<(), Fault> {
    match step.fill {
        Fill::SearchGrams => search_grams::fill(session).await?,
        Fill::ClusterRow => cluster_work::fill(session).await?,
        Fill::Nothing => {}
    }
    if step.number == 1 {
        let sql = "INSERT INTO instance (id, installation) VALUES (1, ?) {keep id}";
        session.exec(sql, values![Uuid::new_v4()]).await?;
    }
    session.exec("UPDATE schema_steps SET finished = {now} WHERE number = ?", values![step.number]).await?;
    Ok(())
}
