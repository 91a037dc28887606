//! `api/api-keys/…`: listing, creating and revoking API keys.

use super::call::{Call, done, json};
use super::key_document::{Wanted, document};
use crate::accounts::KeyText;
use poem::Response;
use proget_core::access::{FeedRight, FeedScope, Permission, Rights, Subject};
use proget_core::catalog::{KeyKind, NewKey};
use proget_core::ids::{KeyId, UserId};
use proget_core::{Feed, Problem, Refusal};
use serde_json::Value;

/// All keys for administrators, the caller's own for users. Texts are never shown again: only
/// their hashes are kept.
pub(super) async fn list(call: Call) -> Result<Response, Problem> {
    let registry = call.registry();
    let keys = registry.keys(&call.caller).await?;
    let read = registry.fresh().read();
    let (feeds, users) = futures::future::try_join(read.feeds(), read.users()).await?;
    let documents: Vec<Value> = keys.iter().map(|key| document(key, None, &feeds, &users)).collect();
    json(&documents)
}

/// The answer is the key with its text, as the client parses it.
pub(super) async fn create(mut call: Call) -> Result<Response, Problem> {
    let wanted = Wanted::of(&call.object().await?)?;
    let text = match &wanted.key {
        Some(text) => KeyText::chosen(text)?,
        None => KeyText::random().map_err(|error| Problem::internal("making a key", &error))?,
    };
    let user = match wanted.kind {
        KeyKind::Personal => Some(owner(&call, wanted.user.as_deref()).await?),
        KeyKind::System | KeyKind::Feed => {
            // Said before feeds are looked up, so that nobody learns names by trying.
            call.registry().demand(&call.caller, Permission::Administer)?;
            None
        }
    };
    let key = NewKey {
        kind: wanted.kind,
        hash: text.hash(),
        hint: text.hint(),
        display_name: wanted.display_name.clone(),
        description: wanted.description.clone(),
        rights: rights(&call, &wanted).await?,
        user,
        expires: wanted.expires,
    };
    let made = call.registry().create_key(&call.caller, key).await.map_err(|problem| match problem {
        Problem::AlreadyExists(_) => {
            Problem::AlreadyExists("there is an API key with this text already".into())
        }
        other => other,
    })?;
    let read = call.registry().fresh().read();
    let (feeds, users) = futures::future::try_join(read.feeds(), read.users()).await?;
    json(&document(&made, Some(&text), &feeds, &users))
}

pub(super) async fn delete(call: Call) -> Result<Response, Problem> {
    let id = call.query("id").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Refusal::new("id", "must be given in the query, as a number"))?;
    call.registry().revoke_key(&call.caller, KeyId(id)).await?;
    Ok(done())
}

/// Whose personal key it is to be: the caller's own unless another user is named.
async fn owner(call: &Call, named: Option<&str>) -> Result<UserId, Problem> {
    let own = match call.caller.subject {
        Subject::User(id, _) | Subject::Personal(_, _, id, _) => Some(id),
        Subject::Anonymous | Subject::Key(..) | Subject::Trusted => None,
    };
    let Some(name) = named else {
        return own.ok_or_else(|| Refusal::new("user", "must be given, because no user is calling").into());
    };
    let user = call.registry().fresh().user(name).await?;
    let found = user.as_ref().map(|user| user.id);
    if found.is_none() || found != own {
        call.registry().demand(&call.caller, Permission::Administer)?;
    }
    found.ok_or_else(|| Problem::NotFound(format!("User {name} not found.")))
}

async fn rights(call: &Call, wanted: &Wanted) -> Result<Rights, Problem> {
    match wanted.kind {
        KeyKind::Personal => Ok(Rights::default()),
        KeyKind::System => Ok(wanted.system_rights.clone()),
        KeyKind::Feed => {
            let mut feeds = Vec::new();
            for name in &wanted.feeds {
                let feed: std::sync::Arc<Feed> = call.registry().any_feed(&call.caller, name).await?;
                feeds.push(FeedRight { scope: FeedScope::One(feed.id), may: wanted.permissions });
            }
            Ok(Rights { feeds, ..Rights::default() })
        }
    }
}
