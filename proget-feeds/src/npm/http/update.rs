//! Deprecating and unpublishing: changes that arrive as a packument sent back, or as a DELETE.
//!
//! A client names the revision it has read, and it must still be the present one: otherwise a
//! version published meanwhile would be missing from what is sent back, and be removed.
//! What clients send is in
//! <https://github.com/npm/cli/blob/latest/workspaces/libnpmpublish/lib/unpublish.js> and
//! <https://github.com/npm/cli/blob/latest/lib/commands/deprecate.js>.

use super::{done, editor};
use crate::http::FeedDoor;
use crate::npm::document::UpdateDocument;
use crate::npm::index::{Index, newest, revision};
use crate::npm::{NPM, tag};
use poem::Response;
use poem::http::StatusCode;
use proget_core::access::Permission;
use proget_core::catalog::PackageRows;
use proget_core::package::{FileName, NameKey, VersionKey};
use proget_core::registry::{Admission, Annotation, Removal};
use proget_core::{FeedFormat as _, Problem, Refusal};
use std::collections::BTreeMap;

/// A packument sent back. Deprecations and tags count always; missing versions are removed only
/// if the address names a revision, as `npm unpublish` does.
pub(super) async fn apply(
    door: &FeedDoor,
    admission: &Admission,
    name: &NameKey,
    rev: Option<&str>,
    document: UpdateDocument,
) -> Result<Response, Problem> {
    let versions = document.versions.as_ref().ok_or_else(|| nothing_to_change(&document))?;
    let rows = door.package(name).await?;
    check_revision(&rows, rev.or(document.rev.as_deref()))?;
    let gone = if rev.is_some() { missing(&rows, versions) } else { Vec::new() };
    if gone.is_empty() {
        let tags = document.tags.as_ref().filter(|_| rev.is_some());
        let changes = [deprecations(&rows, versions), retagged(&rows, tags)?].concat();
        door.annotate(admission, name, Some(rows.package.stamp), changes).await?;
    } else {
        leave_out(door, name, &rows, gone).await?;
    }
    Ok(done(StatusCode::CREATED))
}

fn nothing_to_change(document: &UpdateDocument) -> Problem {
    Problem::Unsupported(match document.people {
        true => "owners and stars are not kept per package: permissions are given on the feed".into(),
        false => "a document without versions changes nothing".into(),
    })
}

/// Removes versions from a package as it was read, and finds a new place for `latest`.
async fn leave_out(
    door: &FeedDoor,
    name: &NameKey,
    rows: &PackageRows,
    gone: Vec<VersionKey>,
) -> Result<(), Problem> {
    let keeps_some = gone.len() < rows.versions.len();
    let admission = door.admit(Permission::Delete)?;
    door.remove(&admission, name, Some(rows.package.stamp), Removal::Versions(gone)).await?;
    if keeps_some { settle_latest(door, name).await } else { Ok(()) }
}

/// `DELETE /{package}/-rev/{revision}`: the whole package.
pub(super) async fn remove_package(door: &FeedDoor, name: &NameKey, rev: &str) -> Result<Response, Problem> {
    let admission = door.admit(Permission::Delete)?;
    let rows = door.package(name).await?;
    check_revision(&rows, Some(rev))?;
    door.remove(&admission, name, Some(rows.package.stamp), Removal::Package).await?;
    Ok(done(StatusCode::OK))
}

/// `DELETE /{package}/-/{file}/-rev/{revision}`: the last step of unpublishing a version, whose
/// file has usually gone with the version in the step before.
pub(super) async fn remove_file(
    door: &FeedDoor,
    name: &NameKey,
    file: &FileName,
    rev: &str,
) -> Result<Response, Problem> {
    door.admit(Permission::Delete)?;
    let rows = door.package(name).await?;
    let holds = rows.versions.iter().find(|version| version.files.iter().any(|one| one.name == *file));
    if let Some(version) = holds {
        check_revision(&rows, Some(rev))?;
        leave_out(door, name, &rows, vec![version.version.key().clone()]).await?;
    }
    Ok(done(StatusCode::OK))
}

fn check_revision(rows: &PackageRows, rev: Option<&str>) -> Result<(), Problem> {
    match rev {
        Some(rev) if rev != revision(rows.package.stamp) => {
            let text =
                "the package was changed by somebody else meanwhile (document update conflict); try again";
            Err(Problem::Changed(text.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Versions that the client was shown and does not send back.
fn missing(rows: &PackageRows, sent: &BTreeMap<String, Option<String>>) -> Vec<VersionKey> {
    let shown = Index::new(rows, "").shown_versions();
    shown.into_iter().filter(|version| !sent.contains_key(version.as_str())).collect()
}

fn deprecations(rows: &PackageRows, sent: &BTreeMap<String, Option<String>>) -> Vec<Annotation> {
    let changed = |row: &proget_core::catalog::VersionRow| {
        let wanted = sent.get(row.version.key().as_str())?;
        // What is shown for a reason that was never given comes back as if it were one.
        let same = *wanted == row.status.deprecated || *wanted == Index::shown_reason(row).map(str::to_owned);
        (!same).then(|| Annotation::Deprecate(row.version.key().clone(), wanted.clone()))
    };
    rows.versions.iter().filter_map(changed).collect()
}

fn retagged(rows: &PackageRows, sent: Option<&BTreeMap<String, String>>) -> Result<Vec<Annotation>, Refusal> {
    let Some(sent) = sent else { return Ok(Vec::new()) };
    let now = Index::new(rows, "").tags();
    let mut changes = Vec::new();
    for (name, version) in sent {
        if now.get(name) != Some(version) {
            changes.push(Annotation::Tag(tag::parse(name)?, NPM.version(version)?.key().clone()));
        }
    }
    for name in now.keys().filter(|name| !sent.contains_key(*name) && *name != tag::LATEST) {
        changes.push(Annotation::Untag(tag::parse(name)?));
    }
    Ok(changes)
}

/// After `latest` went with its version, the newest that is left takes the tag, so that the next
/// publish under another tag does not.
async fn settle_latest(door: &FeedDoor, name: &NameKey) -> Result<(), Problem> {
    let rows = door.package(name).await?;
    if rows.tags.iter().any(|(tag, _)| tag.as_str() == tag::LATEST) {
        return Ok(());
    }
    let Some(row) = newest(rows.versions.iter()) else { return Ok(()) };
    let latest = Annotation::Tag(tag::parse(tag::LATEST)?, row.version.key().clone());
    door.annotate(&editor(door)?, name, Some(rows.package.stamp), vec![latest]).await
}
