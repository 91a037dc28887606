//! The JSON document about a project or one of its versions: <https://github.com/pypi/warehouse/blob/main/docs/user/api/json.md>.
//!
//! People's tools read it to learn what is new and what belongs to what; installers do not.

use super::fragment::{self, FileFragment};
use super::simple::{Yanked, file_path, shown};
use proget_core::catalog::{FileRow, PackageRows, VersionRow};
use proget_core::package::VersionKey;
use serde_json::{Map, Value, json};

/// Members that every document has, with what stands there when nothing is known.
const TEXTS: [&str; 20] = [
    "author",
    "author_email",
    "bugtrack_url",
    "description_content_type",
    "docs_url",
    "download_url",
    "dynamic",
    "home_page",
    "keywords",
    "license",
    "license_expression",
    "license_files",
    "maintainer",
    "maintainer_email",
    "metadata_version",
    "platform",
    "requires_dist",
    "requires_python",
    "summary",
    "provides_extra",
];

/// The version that a document is about: the one asked for, or the newest that is neither yanked
/// nor a pre-release, or else the newest not yanked, or else the newest.
#[must_use]
pub fn subject<'a>(rows: &'a PackageRows, wanted: Option<&VersionKey>) -> Option<&'a VersionRow> {
    if let Some(wanted) = wanted {
        return shown(rows).find(|row| row.version.key() == wanted);
    }
    let usable = |row: &&VersionRow| Yanked::of(row) == Yanked::No;
    let best = shown(rows).rev().find(|row| usable(row) && !row.version.is_prerelease());
    best.or_else(|| shown(rows).rev().find(usable)).or_else(|| shown(rows).next_back())
}

/// Whether a document lists all versions, or is about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The files of all versions.
    Project,
    /// Those of the subject alone.
    Version,
}

/// The document; `base` is the feed's address without a slash at its end.
#[must_use]
pub fn document(
    rows: &PackageRows,
    subject: &VersionRow,
    scope: Scope,
    base: &str,
    description: &str,
) -> Value {
    let files =
        |row: &VersionRow| -> Vec<Value> { row.files.iter().map(|one| file(rows, row, one, base)).collect() };
    let mut document = Map::new();
    document.insert("info".into(), info(rows, subject, base, description));
    document.insert("last_serial".into(), 0.into());
    if scope == Scope::Project {
        let releases: Map<String, Value> =
            shown(rows).map(|row| (row.version.as_str().to_owned(), files(row).into())).collect();
        document.insert("releases".into(), releases.into());
    }
    document.insert("urls".into(), files(subject).into());
    document.insert("vulnerabilities".into(), json!([]));
    document.into()
}

fn info(rows: &PackageRows, subject: &VersionRow, base: &str, description: &str) -> Value {
    let mut info: Map<String, Value> =
        TEXTS.iter().map(|member| ((*member).to_owned(), Value::Null)).collect();
    info.insert("classifiers".into(), json!([]));
    info.extend(fragment::told(&subject.fragment));
    let links = info.remove("project_urls");
    let key = rows.package.name.key();
    let project_url = format!("{base}/simple/{key}/");
    for (member, value) in [
        ("name", json!(rows.package.name.as_str())),
        ("version", json!(subject.version.as_str())),
        ("description", json!(description)),
        ("downloads", json!({"last_day": -1, "last_week": -1, "last_month": -1})),
        ("package_url", json!(project_url)),
        ("project_url", json!(project_url)),
        ("release_url", json!(format!("{base}/pypi/{key}/{}/json", subject.version))),
        ("project_urls", labelled(links.as_ref())),
        ("yanked", json!(Yanked::of(subject) != Yanked::No)),
        ("yanked_reason", reason(subject)),
    ] {
        info.insert(member.to_owned(), value);
    }
    info.into()
}

/// Links are written `Label, address`.
fn labelled(links: Option<&Value>) -> Value {
    let all = links.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pairs = all.iter().filter_map(Value::as_str).filter_map(|text| text.split_once(','));
    let links: Map<String, Value> =
        pairs.map(|(label, address)| (label.trim().to_owned(), address.trim().into())).collect();
    if links.is_empty() { Value::Null } else { links.into() }
}

fn reason(row: &VersionRow) -> Value {
    match Yanked::of(row) {
        Yanked::Because(reason) => reason.into(),
        Yanked::No | Yanked::Silently => Value::Null,
    }
}

fn file(rows: &PackageRows, version: &VersionRow, file: &FileRow, base: &str) -> Value {
    let stored = FileFragment::decode(&file.fragment);
    let moment = file.published.to_string();
    let md5 = file.digests.md5.map(|digest| digest.to_string());
    json!({
        "comment_text": null,
        "core-metadata": stored.core_metadata.map_or(json!(false), |digest| json!({"sha256": digest})),
        "digests": {
            "blake2b_256": file.digests.blake2b.map(|digest| digest.to_string()),
            "md5": md5,
            "sha256": file.digests.sha256.to_string(),
        },
        "downloads": -1,
        "filename": file.name.as_str(),
        "has_sig": false,
        "md5_digest": md5,
        "packagetype": stored.filetype,
        "python_version": stored.python,
        "requires_python": stored.requires_python,
        "size": file.size,
        "upload_time": moment.get(..19).unwrap_or(&moment),
        "upload_time_iso_8601": moment,
        "url": format!("{base}/{}", file_path(rows.package.name.key(), file.name.as_str())),
        "yanked": Yanked::of(version) != Yanked::No,
        "yanked_reason": reason(version),
    })
}
