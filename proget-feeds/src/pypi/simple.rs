//! The simple index: the page of one project, and the list of all, as HTML and as JSON.
//!
//! See <https://peps.python.org/pep-0503/> and <https://peps.python.org/pep-0691/>. *Blocked*
//! versions are as if they were not there. *Unlisted* and *deprecated* ones are yanked
//! (<https://peps.python.org/pep-0592/>): installers pass them over unless they are asked for by
//! their exact version.
//!
//! Addresses of files are relative to the page, so that a page is the same under every name and
//! path that the server is called by.

use super::accept::Form;
use super::fragment::FileFragment;
use proget_core::catalog::{FileRow, PackageRows, VersionRow};
use proget_core::digest::Sha256;
use proget_core::package::{Download, NameKey, PackageName};
use serde::{Serialize, Serializer};
use std::fmt::Write as _;

/// The version of the interface: <https://peps.python.org/pep-0700/>.
pub const API_VERSION: &str = "1.1";

/// Why a version should not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yanked<'a> {
    /// It may be used.
    No,
    /// No reason was given.
    Silently,
    /// For this reason.
    Because(&'a str),
}

impl<'a> Yanked<'a> {
    /// What was decided about a version, in the words of the index.
    #[must_use]
    pub fn of(row: &'a VersionRow) -> Self {
        match row.status.deprecated.as_deref().map(str::trim) {
            Some("") => Self::Silently,
            Some(reason) => Self::Because(reason),
            None if !row.status.listed => Self::Silently,
            None => Self::No,
        }
    }
}

/// A reason, or true or false.
impl Serialize for Yanked<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => to.serialize_bool(false),
            Self::Silently => to.serialize_bool(true),
            Self::Because(reason) => to.serialize_str(reason),
        }
    }
}

/// Versions that may be shown, oldest first.
pub(super) fn shown(rows: &PackageRows) -> impl DoubleEndedIterator<Item = &VersionRow> {
    rows.versions.iter().filter(|row| row.status.download != Download::Blocked && !row.files.is_empty())
}

/// Where a file is, below the feed's address.
#[must_use]
pub fn file_path(package: &NameKey, file: &str) -> String {
    // Some stores and proxies take a plus for a blank.
    format!("packages/{package}/{}", file.replace('+', "%2B"))
}

/// The page of one project; `None` if it has nothing to show.
#[must_use]
pub fn page(rows: &PackageRows, form: Form) -> Option<Vec<u8>> {
    shown(rows).next()?;
    Some(match form {
        Form::Json => json_page(rows),
        Form::Html | Form::PlainHtml => html_page(rows).into_bytes(),
    })
}

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "api-version")]
    api_version: &'static str,
}

const META: Meta = Meta { api_version: API_VERSION };

#[derive(Serialize)]
struct Page<'a> {
    meta: Meta,
    name: &'a str,
    versions: Vec<&'a str>,
    files: Vec<FileEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FileEntry<'a> {
    filename: &'a str,
    url: String,
    hashes: Hashes,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<String>,
    size: u64,
    upload_time: String,
    yanked: Yanked<'a>,
    /// Only under this name: under the older one, pip 22.3 to 23.1 take a text for granted and fail.
    /// See <https://peps.python.org/pep-0714/>.
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<Hashes>,
}

#[derive(Serialize)]
struct Hashes {
    sha256: Sha256,
}

fn json_page(rows: &PackageRows) -> Vec<u8> {
    let key = rows.package.name.key();
    let files = shown(rows).flat_map(|version| version.files.iter().map(move |file| (version, file)));
    let page = Page {
        meta: META,
        name: key.as_str(),
        versions: shown(rows).map(|row| row.version.as_str()).collect(),
        files: files.map(|(version, file)| FileEntry::of(key, version, file)).collect(),
    };
    // Texts and numbers always serialize.
    serde_json::to_vec(&page).unwrap_or_default()
}

impl<'a> FileEntry<'a> {
    fn of(key: &NameKey, version: &'a VersionRow, file: &'a FileRow) -> Self {
        let stored = FileFragment::decode(&file.fragment);
        let hashes = |sha256: Sha256| Hashes { sha256 };
        Self {
            filename: file.name.as_str(),
            url: format!("../../{}", file_path(key, file.name.as_str())),
            hashes: hashes(file.digests.sha256),
            requires_python: stored.requires_python,
            size: file.size,
            upload_time: file.published.to_string(),
            yanked: Yanked::of(version),
            core_metadata: stored.core_metadata.map(hashes),
        }
    }
}

fn html_page(rows: &PackageRows) -> String {
    let key = rows.package.name.key();
    let mut html = html_head(&format!("Links for {}", rows.package.name));
    for version in shown(rows) {
        let yanked = match Yanked::of(version) {
            Yanked::No => String::new(),
            Yanked::Silently => " data-yanked=\"\"".to_owned(),
            Yanked::Because(reason) => format!(" data-yanked=\"{}\"", escaped(reason)),
        };
        for file in &version.files {
            let stored = FileFragment::decode(&file.fragment);
            let (name, digest) = (escaped(file.name.as_str()), file.digests.sha256);
            let address = escaped(&file_path(key, file.name.as_str()));
            // Writing into a String cannot fail.
            let _ = write!(html, "<a href=\"../../{address}#sha256={digest}\"");
            if let Some(python) = &stored.requires_python {
                let _ = write!(html, " data-requires-python=\"{}\"", escaped(python));
            }
            if let Some(digest) = stored.core_metadata {
                let _ = write!(
                    html,
                    " data-core-metadata=\"sha256={digest}\" data-dist-info-metadata=\"sha256={digest}\""
                );
            }
            let _ = writeln!(html, "{yanked}>{name}</a><br>");
        }
    }
    html.push_str(HTML_END);
    html
}

fn html_head(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n\
         <title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

const HTML_END: &str = "</body>\n</html>\n";

/// The list of all projects, written part by part: it may be longer than should be in memory.
#[derive(Debug)]
pub struct ProjectList {
    form: Form,
    begun: bool,
}

impl ProjectList {
    /// A list of which nothing has been written.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, begun: false }
    }

    /// What comes before the first project.
    #[must_use]
    pub fn head(&self) -> String {
        match self.form {
            Form::Json => format!("{{\"meta\":{{\"api-version\":\"{API_VERSION}\"}},\"projects\":["),
            Form::Html | Form::PlainHtml => html_head("Simple index"),
        }
    }

    /// The next project.
    pub fn write(&mut self, name: &PackageName, out: &mut String) {
        match self.form {
            Form::Json => {
                let comma = if self.begun { "," } else { "" };
                let _ = write!(out, "{comma}{{\"name\":{}}}", serde_json::Value::from(name.as_str()));
            }
            Form::Html | Form::PlainHtml => {
                let _ = writeln!(out, "<a href=\"{}/\">{}</a><br>", name.key(), escaped(name.as_str()));
            }
        }
        self.begun = true;
    }

    /// What comes after the last one.
    #[must_use]
    pub fn end(&self) -> &'static str {
        match self.form {
            Form::Json => "]}",
            Form::Html | Form::PlainHtml => HTML_END,
        }
    }
}

/// Text that may stand between tags and within quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
