//! `api/cluster/keys…`: the encryption keys of the cluster by their fingerprints; no key ever comes in or
//! goes out here. Whoever promotes a key asks a node that has it. What may not be done now is 409 with the
//! reason.

use super::call::{Call, json};
use poem::Response;
use proget_core::keys::Fingerprint;
use proget_core::{Problem, Refusal};
use serde_json::{Value, json as value};

/// Which keys there are, who has them and who lacks them, and what still needs them.
pub(super) async fn report(call: Call) -> Result<Response, Problem> {
    json(&call.api.cluster.key_report(&call.caller).await?)
}

/// `{"fingerprint": …}` seals from now on; answers the job that seals old values anew.
pub(super) async fn promote(mut call: Call) -> Result<Response, Problem> {
    let key = fingerprint(&mut call).await?;
    let job = call.api.cluster.promote_key(&call.caller, key).await?;
    json(&value!({ "id": job }))
}

/// Old values are sealed anew once more; answers the job.
pub(super) async fn reseal(call: Call) -> Result<Response, Problem> {
    let job = call.api.cluster.reseal(&call.caller).await?;
    json(&value!({ "id": job }))
}

/// `{"fingerprint": …}` may go; answers the nodes that still have it and should drop it.
pub(super) async fn retire(mut call: Call) -> Result<Response, Problem> {
    let key = fingerprint(&mut call).await?;
    let held_by = call.api.cluster.retire_key(&call.caller, key).await?;
    json(&value!({ "heldBy": held_by }))
}

async fn fingerprint(call: &mut Call) -> Result<Fingerprint, Problem> {
    let wanted = call.object().await?;
    let Some(Value::String(text)) = wanted.get("fingerprint") else {
        return Err(Refusal::new("fingerprint", "must be given, as a text").into());
    };
    Ok(text.parse().map_err(|_| Refusal::new("fingerprint", "must have sixteen hexadecimal digits"))?)
}
