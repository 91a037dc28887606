//! `api/cluster/schedules…`: ours. When jobs are wanted again and again.

use super::call::{Call, done, json};
use crate::schedules::{self, ScheduleChange, ScheduleWish};
use poem::Response;
use proget_core::{Problem, Refusal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json as value};

pub(super) async fn list(call: Call) -> Result<Response, Problem> {
    json(&schedules::list(call.registry(), &call.caller).await?)
}

pub(super) async fn add(mut call: Call) -> Result<Response, Problem> {
    let wish: ScheduleWish = wanted(&mut call).await?;
    json(&schedules::add(call.registry(), &call.caller, wish).await?)
}

/// What is not given stays. One that is enabled again, or gets other times, makes up for nothing.
pub(super) async fn change(mut call: Call) -> Result<Response, Problem> {
    let change: ScheduleChange = wanted(&mut call).await?;
    json(&schedules::change(call.registry(), &call.caller, &name(&call), change).await?)
}

pub(super) async fn run(call: Call) -> Result<Response, Problem> {
    let id = schedules::run(call.registry(), &call.caller, &name(&call)).await?;
    json(&value!({ "id": id }))
}

pub(super) async fn remove(call: Call) -> Result<Response, Problem> {
    schedules::remove(call.registry(), &call.caller, &name(&call)).await?;
    Ok(done())
}

async fn wanted<T: DeserializeOwned>(call: &mut Call) -> Result<T, Problem> {
    let object = Value::Object(call.object().await?);
    Ok(serde_json::from_value(object).map_err(|error| Refusal::new("schedule", error.to_string()))?)
}

fn name(call: &Call) -> String {
    let written = call.request.raw_path_param("schedule").unwrap_or_default();
    percent_encoding::percent_decode_str(written).decode_utf8_lossy().into_owned()
}
