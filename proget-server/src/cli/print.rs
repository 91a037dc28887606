//! What commands print on standard output: tables and sentences for people, JSON for scripts.

use super::cluster_view::{self, View};
use super::ending::Ending;
use super::{jobs, key_report, schedules};
use crate::control::{FeedLine, JournalLine, KeyLine, Outcome, Swept, Verified};
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write as _};

/// For whom is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    People,
    Json,
}

impl From<super::arguments::Output> for Form {
    fn from(output: super::arguments::Output) -> Self {
        if output.json { Self::Json } else { Self::People }
    }
}

/// Writes a text to standard output. Whoever closed the pipe (`| head`) wants no more.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", text.trim_end());
}

/// Writes a value as JSON.
pub(super) fn say_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&text),
        Err(error) => tracing::error!(%error, "cannot write the answer as JSON"),
    }
}

/// Prints an outcome and says how the command ends.
pub(super) fn outcome(outcome: &Outcome, form: Form, view: View) -> Ending {
    match form {
        Form::People => say(&for_people(outcome, view)),
        Form::Json => say_json(&for_scripts(outcome, view)),
    }
    match outcome {
        Outcome::Verified(found) if !found.damage.is_empty() => Ending::Damage,
        Outcome::Swept(swept) if swept.deletes_stopped.is_some() => Ending::Damage,
        _ => Ending::Done,
    }
}

fn for_scripts(outcome: &Outcome, view: View) -> serde_json::Value {
    match outcome {
        Outcome::Done(what) => json!({ "done": what }),
        Outcome::Feeds(feeds) => json!(feeds),
        Outcome::Key(line, text) => {
            let mut object = json!(line);
            object["key"] = json!(text.0);
            object
        }
        Outcome::Keys(keys) => json!(keys),
        Outcome::Password { user, password } => json!({ "user": user, "password": password.0 }),
        Outcome::Verified(found) => json!(found),
        Outcome::Swept(swept) => json!(swept),
        Outcome::Journal(lines) => json!(lines),
        Outcome::Cluster(status) => cluster_view::for_scripts(status, view),
        Outcome::EncryptionKeys(report) => json!(report),
        Outcome::Jobs(jobs) => json!(jobs),
        Outcome::Job(job) => json!(job),
        Outcome::Schedules(list) => json!(list),
    }
}

fn for_people(outcome: &Outcome, view: View) -> String {
    match outcome {
        Outcome::Done(what) => what.clone(),
        Outcome::Feeds(feeds) if feeds.is_empty() => {
            "there is no feed; 'proget feed create NAME' makes one".into()
        }
        Outcome::Feeds(feeds) => {
            table(&["FEED", "TYPE", "READERS", "DESCRIPTION"], feeds.iter().map(feed_row))
        }
        Outcome::Key(line, text) => {
            let what = format!("API key {} ({}); its text is shown only now:", line.id, line.may);
            format!("{what}\n\n{}", text.0)
        }
        Outcome::Keys(keys) if keys.is_empty() => "there is no API key; 'proget key create' makes one".into(),
        Outcome::Keys(keys) => {
            table(&["ID", "KEY", "NAME", "MAY", "CREATED", "EXPIRES"], keys.iter().map(key_row))
        }
        Outcome::Password { user, password } => {
            format!("the new password of {user} is shown only now:\n\n{}", password.0)
        }
        Outcome::Verified(found) => verified(found),
        Outcome::Swept(done) => swept(done),
        Outcome::Journal(lines) if lines.is_empty() => "nothing was done yet".into(),
        Outcome::Journal(lines) => {
            table(&["AT", "WHO", "ACTION", "FEED", "WHAT"], lines.iter().map(journal_row))
        }
        Outcome::Cluster(status) => cluster_view::status(status, view),
        Outcome::EncryptionKeys(report) => key_report::report(report),
        Outcome::Jobs(list) => jobs::jobs(list),
        Outcome::Job(job) => jobs::job(job),
        Outcome::Schedules(list) => schedules::schedules(list),
    }
}

fn feed_row(feed: &FeedLine) -> Vec<String> {
    let readers = match (feed.active, feed.anonymous_view) {
        (false, _) => "nobody: inactive",
        (true, true) => "everybody",
        (true, false) => "who may",
    };
    vec![feed.name.clone(), feed.feed_type.clone(), readers.into(), feed.description.clone()]
}

fn journal_row(line: &JournalLine) -> Vec<String> {
    let feed = line.feed.clone().unwrap_or_else(|| "-".into());
    vec![line.at.clone(), line.actor.clone(), line.action.clone(), feed, line.subject.clone()]
}

fn key_row(key: &KeyLine) -> Vec<String> {
    let day = |moment: &str| moment.split('T').next().unwrap_or_default().to_owned();
    let expires = key.expires.as_deref().map_or("never".to_owned(), day);
    vec![key.id.to_string(), key.hint.clone(), key.name.clone(), key.may.clone(), day(&key.created), expires]
}

fn verified(found: &Verified) -> String {
    let files = if found.blobs == 1 { "file" } else { "files" };
    let mut text = format!("{} {files} read, {}", found.blobs, size(found.bytes));
    if found.damage.is_empty() {
        return text + ": all as they were published";
    }
    text += &format!("; {} damaged:\n", found.damage.len());
    for one in &found.damage {
        text += &format!("\n{} in store {}\n  {}\n", one.key, one.store, one.what);
        for file in &one.files {
            text += &format!("  used by {file}\n");
        }
    }
    text
}

fn swept(done: &Swept) -> String {
    if let Some(why) = &done.deletes_stopped {
        let advice = "Nothing is deleted until somebody who knows that they belong together says so: \
                      'proget sweep --confirm'. docs/INSTALL.md tells when that is right.";
        return format!("deletes are stopped: {why}\n{advice}");
    }
    let counts = [
        (done.leftovers, "left-over uploads removed"),
        (done.condemned, "files without references condemned"),
        (done.strays, "files that nothing names found"),
        (done.abandoned, "uploads that came to no end doomed"),
        (done.doomed, "doomed"),
        (done.deleted, "deleted"),
        (done.waiting, "waiting to be deleted by a later sweep"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if parts.is_empty() { "nothing to sweep".into() } else { parts.join("\n") }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Columns as wide as their widest cell.
pub(super) fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line += &format!("{cell:<width$}  ", width = width(column).unwrap_or(0));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
