//! `proget db`: the schema, looked at and brought up to date without a server.

use super::administer::stopped;
use super::arguments::Db;
use super::ending::{Ending, Stopped};
use super::print::{self, Form};
use crate::assemble::StartError;
use crate::config::Config;
use crate::upgrade;
use proget_storage::SqlCatalog;
use proget_storage::sql::SchemaStatus;
use serde_json::json;

pub(super) async fn database(config: &Config, what: Db) -> Result<Ending, Stopped> {
    let (address, wanted) = (config.places.database.reveal(), upgrade::wanted_steps());
    let (status, output) = match what {
        Db::Migrate(output) => {
            let beside = upgrade::leave_nobody_behind(address, &wanted, &config.node_name).await;
            beside.map_err(|waits| stopped(waits.into()))?;
            (SqlCatalog::migrate_with(address, &wanted).await, output)
        }
        Db::Status(output) => (SqlCatalog::status_with(address, &wanted).await, output),
    };
    let status = status.map_err(|error| stopped(StartError::Database(error)))?;
    match Form::from(output) {
        Form::People => print::say(&for_people(&status)),
        Form::Json => print::say_json(&for_scripts(&status)),
    }
    Ok(if status.too_new.is_some() { Ending::NoDatabase } else { Ending::Done })
}

fn for_people(status: &SchemaStatus) -> String {
    let mut text = format!("{}\n", status.database);
    for step in &status.done {
        let state = if step.finished.is_some() { "done" } else { "begun, not finished" };
        text += &format!("  step {} {}: {state} by build {}\n", step.number, step.name, step.build);
    }
    for name in &status.missing {
        text += &format!("  step {name}: missing\n");
    }
    text + &match &status.too_new {
        Some(build) => format!("too new for this build: start build {build} or later"),
        None if status.missing.is_empty() => "up to date".to_owned(),
        None => "not up to date: 'proget db migrate' changes that, and so does the next start of the server"
            .to_owned(),
    }
}

fn for_scripts(status: &SchemaStatus) -> serde_json::Value {
    let done = status.done.iter().map(|step| {
        let finished = step.finished.map(|moment| proget_core::Timestamp(moment).to_string());
        json!({ "number": step.number, "name": step.name, "build": step.build, "finished": finished })
    });
    json!({
        "database": status.database,
        "done": done.collect::<Vec<_>>(),
        "missing": status.missing,
        "tooNew": status.too_new,
    })
}
