//! Commands that are orders: turned into one, brought to whoever can carry it out, and printed.

use super::arguments::{Admin, Feed, Journal, Key, NewKey, Sweep, What};
use super::cluster_view::View;
use super::ending::{Ending, Stopped};
use super::print::{self, Form};
use super::progress::ProgressLine;
use crate::assemble::{self, Packages, StartError};
use crate::config::Config;
use crate::control::{
    Channel, Content, FeedWish, KeyScope, KeyWish, Order, Outcome, Progress, Readers, execute,
};
use clap::ValueEnum as _;
use proget_core::cluster::NodeName;
use proget_storage::sql::{Migrate, OpenError};
use std::time::Duration;
use tokio::time::Instant;

/// A server that is just starting has the lock a moment before it answers on its socket.
const STARTING: Duration = Duration::from_secs(10);

/// How often a watched status is said again.
const WATCH: Duration = Duration::from_secs(1);

/// The order that a command means, and for whom its outcome is printed.
pub(super) fn order(what: What, me: &NodeName) -> Option<(Order, Form, View)> {
    if let What::Cluster(command) = what {
        let (order, output, view) = super::cluster::order(command, me);
        return Some((Order::Cluster(order), output.into(), view));
    }
    if let What::Keys(command) = what {
        let (order, output) = command.order()?;
        return Some((Order::EncryptionKeys(order), output.into(), View::Status));
    }
    let (order, form) = match what {
        What::Feed(Feed::List(output)) => (Order::ListFeeds, output.into()),
        What::Feed(Feed::Create { name, format, description, anonymous_view, output }) => {
            let readers = if anonymous_view { Readers::Everybody } else { Readers::Known };
            (Order::CreateFeed(FeedWish { name, format, description, readers }), output.into())
        }
        What::Feed(Feed::Delete { name, yes, output }) => {
            let content = if yes { Content::DeleteToo } else { Content::MustBeEmpty };
            (Order::DeleteFeed { name, content }, output.into())
        }
        What::Key(Key::List(output)) => (Order::ListKeys, output.into()),
        What::Key(Key::Create(wish)) => {
            let form = wish.output.into();
            (Order::CreateKey(key_wish(wish)), form)
        }
        What::Key(Key::Revoke { id, output }) => (Order::RevokeKey { id }, output.into()),
        What::Admin(Admin::ResetPassword { user, output }) => (Order::ResetPassword { user }, output.into()),
        What::Verify(output) => (Order::Verify, output.into()),
        What::Sweep(Sweep { confirm: true, output, .. }) => (Order::ConfirmDeletes, output.into()),
        What::Sweep(Sweep { delete_after, output, .. }) => {
            let delete_delay_ms = delete_after.map(|seconds| seconds.saturating_mul(1000));
            (Order::Sweep { delete_delay_ms }, output.into())
        }
        What::Journal(Journal { limit, output }) => (Order::Journal { limit }, output.into()),
        What::Run
        | What::Keys(_)
        | What::Db(_)
        | What::Store(_)
        | What::Config(_)
        | What::Cluster(_)
        | What::Version(_) => {
            return None;
        }
    };
    Some((order, form, View::Status))
}

fn key_wish(wish: NewKey) -> KeyWish {
    let word = |may: &super::arguments::May| may.to_possible_value().map(|value| value.get_name().to_owned());
    let may: Vec<String> = wish.may.iter().filter_map(word).collect();
    let scope = match (wish.full_control, wish.user, wish.feed) {
        (true, ..) => KeyScope::FullControl,
        (_, Some(user), _) => KeyScope::User(user),
        (_, _, Some(feed)) => KeyScope::Feed(feed, may),
        _ => KeyScope::AllFeeds(may),
    };
    let lasts_ms = wish.days.map(|days| days.saturating_mul(86_400_000));
    KeyWish { name: wish.name, description: wish.description, scope, lasts_ms }
}

/// Carries an order out, wherever that is possible, and prints what came of it. Ctrl-C ends it.
pub(super) async fn administer(
    config: &Config,
    order: &Order,
    form: Form,
    view: View,
) -> Result<Ending, Stopped> {
    let doing = match order {
        Order::Verify => Some("reading packages"),
        Order::Sweep { .. } => Some("sweeping"),
        _ => None,
    };
    let line = doing.map(ProgressLine::begin);
    let show = |progress| {
        if let Some(line) = &line {
            line.show(progress);
        }
    };
    let outcome = tokio::select! {
        outcome = carry_out(config, order, show) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Stopped::new(Ending::Interrupted, "interrupted")),
    };
    drop(line);
    let ending = print::outcome(&outcome?, form, view);
    if view != View::Watch {
        return Ok(ending);
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Ending::Done),
        }
        // A database that is away for a moment is what one watches for.
        match carry_out(config, order, |_| {}).await {
            Ok(outcome) => drop(print::outcome(&outcome, form, view)),
            Err(stopped) => print::say(&stopped.what),
        }
    }
}

async fn carry_out(
    config: &Config,
    order: &Order,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Outcome, Stopped> {
    let failed = |failure: crate::control::Failure| Stopped::new(Ending::Failed, failure.0);
    let end = Instant::now() + STARTING;
    let wanted = match order {
        Order::Cluster(_) | Order::EncryptionKeys(_) | Order::Journal { .. } => Packages::Unwanted,
        _ => Packages::Wanted,
    };
    loop {
        if config.places.sqlite_file().is_some()
            && let Some(server) = Channel::to(&config.places.data_dir).await.map_err(failed)?
        {
            return server.send(order, progress).await.map_err(failed);
        }
        assemble::demand_database(&config.places).map_err(stopped)?;
        match assemble::cluster_of(config, Migrate::Never, wanted).await {
            Ok(cluster) => return execute(order, &cluster, &mut progress).await.map_err(failed),
            Err(StartError::Database(OpenError::Locked { .. })) if Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(stopped(error)),
        }
    }
}

pub(super) fn stopped(error: StartError) -> Stopped {
    Stopped::new(error.ending(), proget_core::problem::chain(&error))
}
