//! Carrying an order out, by one function over the use-cases: the same whether the order came
//! through the socket of a running server or from the command line's own process.

use super::order::{
    Content, Damaged, Failure, FeedLine, FeedWish, JournalLine, KeyLine, KeyScope, KeyWish, Order, Outcome,
    Progress, Readers, Swept, Told, Verified,
};
use crate::accounts::{KeyText, hash_password};
use crate::plain;
use proget_cluster::node::Cluster;
use proget_core::access::{FeedRight, FeedScope, Permissions, Principal, Rights, Secret};
use proget_core::catalog::{KeyKind, KeyRow, NewKey, PageRequest, UserRow};
use proget_core::feed::{Feed, FeedName, FeedSettings, FormatId};
use proget_core::ids::KeyId;
use proget_core::registry::{SweepOptions, SweepReport, VerifyReport};
use proget_core::{Clock, Problem, Registry, SystemClock};
use std::time::Duration;

/// Carries an order out. `progress` is told now and then how far a long one has come; dropping the
/// future ends it at once, and whatever it has done by then is whole.
///
/// # Errors
/// One sentence that says why not and what to do.
pub async fn execute(
    order: &Order,
    cluster: &Cluster,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Outcome, Failure> {
    let (caller, registry) = (Principal::system(), &*cluster.registry);
    Ok(match order {
        Order::Cluster(order) => super::cluster::execute(order, cluster).await?,
        Order::EncryptionKeys(order) => super::keys::execute(order, cluster).await?,
        Order::ListFeeds => {
            let feeds = registry.feeds(&caller).await.map_err(failure)?;
            Outcome::Feeds(feeds.iter().map(feed_line).collect())
        }
        Order::CreateFeed(wish) => create_feed(registry, &caller, wish).await?,
        Order::DeleteFeed { name, content } => delete_feed(registry, &caller, name, *content).await?,
        Order::ListKeys => {
            let keys = registry.keys(&caller).await.map_err(failure)?;
            let names = Names::read(registry).await?;
            Outcome::Keys(keys.iter().map(|key| names.key_line(key)).collect())
        }
        Order::CreateKey(wish) => create_key(registry, &caller, wish).await?,
        Order::RevokeKey { id } => {
            registry.revoke_key(&caller, KeyId(*id)).await.map_err(failure)?;
            Outcome::Done(format!("API key {id} is revoked"))
        }
        Order::ResetPassword { user } => reset_password(registry, &caller, user).await?,
        Order::Verify => {
            let tell =
                |report: &VerifyReport| progress(Progress { blobs: report.blobs, bytes: report.bytes });
            Outcome::Verified(verified(registry.verify(tell).await.map_err(failure)?))
        }
        Order::Sweep { delete_delay_ms } => {
            let usual = SweepOptions::default();
            let delete_delay = delete_delay_ms.map_or(usual.delete_delay, Duration::from_millis);
            let report = crate::cluster::sweep(cluster, SweepOptions { delete_delay, ..usual }).await;
            let report = report.map_err(failure)?;
            Outcome::Swept(swept(report))
        }
        Order::Journal { limit } => Outcome::Journal(journal(registry, &caller, *limit).await?),
        Order::ConfirmDeletes => {
            registry.confirm_deletes().await.map_err(failure)?;
            Outcome::Done("catalogue and package store belong together: sweeps may delete again".into())
        }
    })
}

fn failure(problem: Problem) -> Failure {
    Failure(plain::sentence(&problem))
}

fn random_failure(error: impl std::fmt::Display) -> Failure {
    Failure(format!("the operating system has no random numbers to give: {error}"))
}

async fn create_feed(registry: &Registry, caller: &Principal, wish: &FeedWish) -> Result<Outcome, Failure> {
    let name = FeedName::new(wish.name.as_str()).map_err(|refusal| failure(refusal.into()))?;
    let format = FormatId::new(wish.format.as_str()).map_err(|refusal| failure(refusal.into()))?;
    let settings = FeedSettings {
        description: wish.description.clone(),
        anonymous_view: wish.readers == Readers::Everybody,
        ..FeedSettings::default()
    };
    let feed = registry.create_feed(caller, name, format, settings).await.map_err(failure)?;
    Ok(Outcome::Feeds(vec![feed_line(&feed)]))
}

async fn delete_feed(
    registry: &Registry,
    caller: &Principal,
    name: &str,
    content: Content,
) -> Result<Outcome, Failure> {
    let feed = registry.any_feed(caller, name).await.map_err(failure)?;
    let totals = registry.fresh().read().totals(feed.id).await.map_err(|error| failure(error.into()))?;
    if content == Content::MustBeEmpty && totals.packages > 0 {
        let (name, count) = (&feed.name, totals.packages);
        let packages = if count == 1 { "package" } else { "packages" };
        let what = format!("the feed {name} holds {count} {packages}, to be deleted with it");
        return Err(Failure(format!("{what}; say --yes if that is meant")));
    }
    registry.delete_feed(caller, &feed).await.map_err(failure)?;
    Ok(Outcome::Done(format!("the feed {} is deleted", feed.name)))
}

async fn create_key(registry: &Registry, caller: &Principal, wish: &KeyWish) -> Result<Outcome, Failure> {
    let text = KeyText::random().map_err(random_failure)?;
    let (kind, rights, user) = match &wish.scope {
        KeyScope::FullControl => (KeyKind::System, Rights::full_control(), None),
        KeyScope::AllFeeds(may) => {
            (KeyKind::System, Rights::in_feeds(FeedScope::All, permissions(may)?), None)
        }
        KeyScope::Feed(feed, may) => {
            let feed = registry.any_feed(caller, feed).await.map_err(failure)?;
            (KeyKind::Feed, Rights::in_feeds(FeedScope::One(feed.id), permissions(may)?), None)
        }
        KeyScope::User(name) => (KeyKind::Personal, Rights::default(), Some(user(registry, name).await?.id)),
    };
    let key = NewKey {
        kind,
        hash: text.hash(),
        hint: text.hint(),
        display_name: wish.name.clone(),
        description: wish.description.clone(),
        rights,
        user,
        expires: wish.lasts_ms.map(|lasts| SystemClock.now().plus(Duration::from_millis(lasts))),
    };
    let row = registry.create_key(caller, key).await.map_err(failure)?;
    let line = Names::read(registry).await?.key_line(&row);
    Ok(Outcome::Key(line, Told(text.reveal().to_owned())))
}

fn permissions(words: &[String]) -> Result<Permissions, Failure> {
    let mut may = Permissions::default();
    for word in words {
        match word.as_str() {
            "view" => may.view = true,
            "add" => may.add = true,
            "promote" => may.promote = true,
            "delete" => may.delete = true,
            other => {
                return Err(Failure(format!(
                    "there is no permission '{other}'; there are view, add, promote and delete"
                )));
            }
        }
    }
    Ok(may)
}

async fn user(registry: &Registry, name: &str) -> Result<UserRow, Failure> {
    let found = registry.fresh().read().user(name).await.map_err(|error| failure(error.into()))?;
    found.ok_or_else(|| {
        Failure(format!("there is no user {name}; the first one is created when the server first starts"))
    })
}

async fn reset_password(registry: &Registry, caller: &Principal, name: &str) -> Result<Outcome, Failure> {
    let user = user(registry, name).await?;
    let password = KeyText::random().map_err(random_failure)?.reveal().to_owned();
    let hash = hash_password(&Secret::new(password.clone())).await;
    let hash = hash.map_err(|error| Failure(proget_core::problem::chain(&error)))?;
    registry.set_password(caller, &user, Some(hash)).await.map_err(failure)?;
    Ok(Outcome::Password { user: user.name, password: Told(password) })
}

async fn journal(registry: &Registry, caller: &Principal, limit: u32) -> Result<Vec<JournalLine>, Failure> {
    let feeds = registry.feeds(caller).await.map_err(failure)?;
    let page = registry.journal(caller, &PageRequest::first(limit)).await.map_err(failure)?;
    let named = |id| {
        let feed = feeds.iter().find(|feed| feed.id == id);
        feed.map_or_else(|| format!("(deleted feed {id})"), |feed| feed.name.to_string())
    };
    let line = |row: proget_core::catalog::JournalRow| JournalLine {
        at: row.at.to_string(),
        actor: row.actor,
        action: row.entry.action.to_string(),
        feed: row.entry.feed.map(named),
        subject: row.entry.subject,
    };
    Ok(page.rows.into_iter().map(line).collect())
}

fn feed_line(feed: &Feed) -> FeedLine {
    FeedLine {
        name: feed.name.to_string(),
        feed_type: feed.format.to_string(),
        active: feed.settings.active,
        anonymous_view: feed.settings.anonymous_view,
        description: feed.settings.description.clone(),
    }
}

/// Names of feeds and users, for saying what a key is good for.
struct Names {
    feeds: Vec<Feed>,
    users: Vec<UserRow>,
}

impl Names {
    async fn read(registry: &Registry) -> Result<Self, Failure> {
        let read = registry.fresh().read();
        let feeds = read.feeds().await.map_err(|error| failure(error.into()))?;
        let users = read.users().await.map_err(|error| failure(error.into()))?;
        Ok(Self { feeds, users })
    }

    fn key_line(&self, key: &KeyRow) -> KeyLine {
        let kind = match key.kind {
            KeyKind::System => "system",
            KeyKind::Feed => "feed",
            KeyKind::Personal => "personal",
        };
        KeyLine {
            id: key.id.0,
            name: key.display_name.clone(),
            hint: format!("{}…", key.hint),
            kind: kind.into(),
            may: self.may(key),
            created: key.created.to_string(),
            expires: key.expires.map(|moment| moment.to_string()),
        }
    }

    fn may(&self, key: &KeyRow) -> String {
        if let Some(id) = key.user {
            let user = self.users.iter().find(|user| user.id == id);
            return format!("as user {}", user.map_or("(deleted)", |user| user.name.as_str()));
        }
        if key.rights.full_control {
            return "everything".into();
        }
        let mut parts: Vec<String> = key.rights.feeds.iter().map(|right| self.right(right)).collect();
        if key.rights.manage_feeds {
            parts.insert(0, "manage feeds".into());
        }
        if parts.is_empty() { "nothing".into() } else { parts.join("; ") }
    }

    fn right(&self, right: &FeedRight) -> String {
        let may = right.may;
        let words = [(may.view, "view"), (may.add, "add"), (may.promote, "promote"), (may.delete, "delete")];
        let words: Vec<&str> = words.iter().filter(|(given, _)| *given).map(|(_, word)| *word).collect();
        let place = match right.scope {
            FeedScope::All => "all feeds",
            FeedScope::One(id) => {
                let feed = self.feeds.iter().find(|feed| feed.id == id);
                feed.map_or("(deleted feed)", |feed| feed.name.as_str())
            }
        };
        format!("{} in {place}", words.join(", "))
    }
}

fn verified(report: VerifyReport) -> Verified {
    let damage = report.damage.into_iter().map(|one| Damaged {
        key: one.key,
        store: one.store,
        what: one.what,
        files: one.files,
    });
    Verified { blobs: report.blobs, bytes: report.bytes, damage: damage.collect() }
}

fn swept(report: SweepReport) -> Swept {
    Swept {
        condemned: report.condemned,
        doomed: report.doomed,
        abandoned: report.abandoned,
        strays: report.strays,
        deleted: report.deleted,
        waiting: report.waiting,
        leftovers: report.leftovers,
        deletes_stopped: report.deletes_stopped,
    }
}
