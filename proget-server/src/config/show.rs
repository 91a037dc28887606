//! What people see of settings: each value with its source, and the table for the README. Secrets
//! are said to be there and not shown.

use super::complaint::Source;
use super::list::SETTINGS;
use super::setting::{Kind, Setting, Standard};
use super::written::Written;
use serde::Serialize;

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The setting's name.
    pub name: &'static str,
    /// Its value, or words for it.
    pub value: String,
    /// Who set it.
    pub source: String,
}

/// Every setting with its value and its source.
#[must_use]
pub fn show(written: &Written) -> Vec<Shown> {
    let shown = |setting: &&Setting| {
        let (value, source) = match (written.get(setting), setting.standard) {
            (Some(text), _) => (masked(setting.kind, text.text.reveal()), text.source.to_string()),
            (None, Standard::Value(text)) => (text.to_owned(), Source::Default.to_string()),
            (None, Standard::Otherwise(words)) => {
                (format!("({})", words.replace('`', "")), Source::Default.to_string())
            }
        };
        Shown { name: setting.name, value, source }
    };
    SETTINGS.iter().map(shown).collect()
}

fn masked(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Secret => "(set, not shown)".to_owned(),
        Kind::DatabaseUrl => without_password(text),
        _ => text.to_owned(),
    }
}

/// An address without its password. What cannot be taken apart is not shown at all, since
/// nobody knows where a password may stand in it.
#[must_use]
pub fn without_password(address: &str) -> String {
    if address.starts_with("sqlite:") {
        return address.to_owned();
    }
    let hidden = || "(set, not shown)".to_owned();
    let Some((scheme, rest)) = address.split_once("://") else { return hidden() };
    // Parameters may carry passwords too.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    // An unescaped slash or at-sign in a password would have shifted the parts.
    if path.contains('@') || path.contains('/') {
        return hidden();
    }
    format!("{scheme}://{place}/{path}")
}

/// The README's table, in Markdown: what most people set, and the rest folded away.
#[must_use]
pub fn table() -> String {
    let is_number =
        |setting: &&&Setting| ["limit-", "timeout-"].iter().any(|kind| setting.name.starts_with(kind));
    let most = rows(SETTINGS.iter().filter(|setting| !is_number(setting)));
    let numbers = rows(SETTINGS.iter().filter(is_number));
    format!("{most}\n<details><summary>Limits and time-outs</summary>\n\n{numbers}\n</details>\n")
}

fn rows<'s>(settings: impl Iterator<Item = &'s &'s Setting>) -> String {
    let mut table = String::from("| setting | default | meaning |\n|---|---|---|\n");
    for setting in settings {
        let standard = match setting.standard {
            Standard::Value(text) => format!("`{text}`"),
            Standard::Otherwise(words) => words.to_owned(),
        };
        table += &format!("| `{}` | {standard} | {} |\n", setting.name, setting.about);
    }
    table
}
