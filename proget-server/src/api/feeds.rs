//! `api/management/feeds/…`: listing, creating, changing and deleting feeds.

use super::call::{Call, done, json};
use super::feed_document::{Wanted, document};
use poem::Response;
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::{Problem, Refusal};
use serde_json::Value;

/// A change that somebody else's overtakes is made again on what is there then.
const ATTEMPTS: usize = 5;

/// All feeds that the caller may see, inactive ones too: the client filters.
pub(super) async fn list(call: Call) -> Result<Response, Problem> {
    if !call.known {
        // An invalid key gets an empty list rather than an error, as ProGet has it.
        return json(&Vec::<Value>::new());
    }
    let feeds = call.registry().feeds(&call.caller).await?;
    let documents: Vec<Value> = feeds.iter().map(|feed| document(&call, feed)).collect();
    json(&documents)
}

pub(super) async fn get(call: Call) -> Result<Response, Problem> {
    let feed = call.registry().any_feed(&call.caller, &call.name).await?;
    json(&document(&call, &feed))
}

pub(super) async fn create(mut call: Call) -> Result<Response, Problem> {
    let object = call.object().await?;
    let text = |member: &'static str| match object.get(member) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Refusal::new(member, "must be given, as a text")),
    };
    let (name, feed_type) = (text("name")?, text("feedType")?);
    let name = FeedName::new(name).map_err(|refusal| Refusal { field: "name".into(), ..refusal })?;
    let known = FormatId::new(feed_type.to_ascii_lowercase())
        .map_err(|_| Refusal::new("feedType", format!("'{feed_type}' is not a feed type of this server")))?;
    let settings = Wanted::of(&object)?.applied_to(&FeedSettings::default());
    let feed = call.registry().create_feed(&call.caller, name, known, settings).await?;
    json(&document(&call, &feed))
}

/// What is not given stays as it is; name and type do, whatever is given, because the client sends
/// back whole feeds that it has read.
pub(super) async fn update(mut call: Call) -> Result<Response, Problem> {
    let wanted = Wanted::of(&call.object().await?)?;
    for _ in 0..ATTEMPTS {
        let feed = call.registry().any_feed(&call.caller, &call.name).await?;
        let settings = wanted.applied_to(&feed.settings);
        match call.registry().update_feed(&call.caller, &feed, feed.name.clone(), settings).await {
            Ok(feed) => return json(&document(&call, &feed)),
            Err(Problem::Changed(_)) => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(Problem::busy("this feed, which many are changing at this moment"))
}

pub(super) async fn delete(call: Call) -> Result<Response, Problem> {
    let feed = call.registry().any_feed(&call.caller, &call.name).await?;
    call.registry().delete_feed(&call.caller, &feed).await?;
    Ok(done())
}
