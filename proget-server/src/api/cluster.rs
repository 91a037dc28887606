//! `api/cluster/…`: ours, because ProGet's cluster has no such API. What administrators ask and order
//! about the cluster; every node answers the same, and all of them follow at their next beat.

use super::call::{Call, done, json};
use crate::documents::JobDocument;
use crate::jobs::Verify;
use poem::Response;
use poem::http::StatusCode;
use proget_cluster::node::settings::ServiceWish;
use proget_cluster::node::{Cluster, Configuration};
use proget_core::catalog::{JobFilter, PageRequest};
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::JobId;
use proget_core::{Problem, Refusal};
use serde_json::{Value, json as value};

/// So many lines of a job's log are answered at once.
const LINES: u32 = 1000;

fn cluster(call: &Call) -> &Cluster {
    &call.api.cluster
}

fn node(call: &Call) -> Result<NodeName, Problem> {
    let written = call.request.raw_path_param("node").unwrap_or_default();
    let written = percent_encoding::percent_decode_str(written).decode_utf8_lossy();
    Ok(NodeName::new(written)?)
}

pub(super) async fn status(call: Call) -> Result<Response, Problem> {
    json(&cluster(&call).status(&call.caller).await?)
}

/// `{"mode": …, "serviceNode"?: …, "check"?: true}`; with `check` nothing is changed. A refusal is 409
/// with all findings.
pub(super) async fn mode(mut call: Call) -> Result<Response, Problem> {
    let wanted = call.object().await?;
    let text = |member: &'static str| match wanted.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Refusal::new(member, "must be a text")),
    };
    let mode = text("mode")?.ok_or_else(|| Refusal::new("mode", "must be given"))?;
    let mode: ClusterMode = mode.parse()?;
    let service_node = text("serviceNode")?.map(NodeName::new).transpose()?;
    if wanted.get("check") == Some(&Value::Bool(true)) {
        let findings = cluster(&call).check_mode(&call.caller, mode, service_node).await?;
        let refused = findings.iter().any(|finding| finding.refuses);
        return json(&value!({ "possible": !refused, "findings": findings }));
    }
    let change = cluster(&call).set_mode(&call.caller, mode, service_node).await?;
    let mut answer = json(&value!({ "changed": change.made, "findings": change.findings }))?;
    if !change.made {
        answer.set_status(StatusCode::CONFLICT);
    }
    Ok(answer)
}

pub(super) async fn settings(mut call: Call) -> Result<Response, Problem> {
    let wanted = Value::Object(call.object().await?);
    let wanted: Configuration =
        serde_json::from_value(wanted).map_err(|error| Refusal::new("settings", error.to_string()))?;
    cluster(&call).configure(&call.caller, &wanted).await?;
    Ok(done())
}

pub(super) async fn drain(call: Call) -> Result<Response, Problem> {
    cluster(&call).drain(&call.caller, &node(&call)?).await?;
    Ok(done())
}

pub(super) async fn resume(call: Call) -> Result<Response, Problem> {
    cluster(&call).resume(&call.caller, &node(&call)?).await?;
    Ok(done())
}

pub(super) async fn remove(call: Call) -> Result<Response, Problem> {
    let force = call.query("force").as_deref() == Some("true");
    cluster(&call).remove(&call.caller, &node(&call)?, force).await?;
    Ok(done())
}

/// The last segment says what: `start`, `stop`, `enable` or `disable`.
pub(super) async fn service(call: Call) -> Result<Response, Problem> {
    let (wish, enabling) = match call.request.raw_path_param("what").unwrap_or_default() {
        "start" => (ServiceWish::Running, false),
        "stop" => (ServiceWish::Stopped, false),
        "enable" => (ServiceWish::Running, true),
        "disable" => (ServiceWish::Disabled, false),
        _ => return Err(Problem::NotFound("there are start, stop, enable and disable".into())),
    };
    cluster(&call).set_service(&call.caller, &node(&call)?, wish, enabling).await?;
    Ok(done())
}

/// The newest hundred, or those of the query's `state` and `kind`.
pub(super) async fn jobs(call: Call) -> Result<Response, Problem> {
    let state = call.query("state").map(|state| state.parse()).transpose();
    let state = state.map_err(|_| Refusal::new("state", "there is no such state of a job"))?;
    let filter = JobFilter { state, kind: call.query("kind") };
    let page = call.registry().jobs(&call.caller, &filter, &PageRequest::first(100)).await?;
    json(&page.rows.into_iter().map(JobDocument::from).collect::<Vec<JobDocument>>())
}

/// One job with the lines of its log after the query's `after`.
pub(super) async fn job(call: Call) -> Result<Response, Problem> {
    let after = call.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let (row, lines) = call.registry().job(&call.caller, job_id(&call)?, after, LINES).await?;
    json(&JobDocument::from(row).with_log(lines))
}

/// Has every package verified, by whichever node gets to it.
pub(super) async fn verify(call: Call) -> Result<Response, Problem> {
    let id = call.registry().enqueue(&call.caller, Verify::wanted()).await?;
    json(&value!({ "id": id }))
}

pub(super) async fn cancel(call: Call) -> Result<Response, Problem> {
    call.registry().cancel_job(&call.caller, job_id(&call)?).await?;
    Ok(done())
}

fn job_id(call: &Call) -> Result<JobId, Problem> {
    let written = call.request.raw_path_param("job").unwrap_or_default();
    let id = written.parse().map_err(|_| Refusal::new("job", "must be a number"))?;
    Ok(JobId(id))
}
