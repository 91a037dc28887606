//! Which package and version a query means: `name`, `group`, `version` and `qualifier`, or a
//! `purl` alone. The client splits names at their last slash; npm's groups come with and without `@`.

use super::call::Call;
use super::purl::Purl;
use proget_core::access::Permission;
use proget_core::catalog::{FileRow, Found, PageRequest, VersionFilter};
use proget_core::package::{NameKey, VersionKey};
use proget_core::{FeedFormat, Problem, Refusal};

/// What the query says, before the format has looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub(super) name: Option<String>,
    pub(super) group: Option<String>,
    pub(super) version: Option<String>,
    /// The file that a qualifier names, where a version has several.
    pub(super) file: Option<String>,
}

impl Asked {
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        let (asked, qualifiers) = match call.query("purl") {
            Some(text) => {
                let purl = Purl::parse(&text)?;
                let expected = call.format()?.purl_type();
                if purl.kind != expected {
                    let rule =
                        format!("names a package of type '{}', and this feed has '{expected}'", purl.kind);
                    return Err(Refusal::new("purl", rule).into());
                }
                let asked =
                    Self { name: Some(purl.name), group: purl.namespace, version: purl.version, file: None };
                (asked, purl.qualifiers)
            }
            None => {
                let query = |name| call.query(name);
                let asked = Self {
                    name: query("name"),
                    group: query("group"),
                    version: query("version"),
                    file: None,
                };
                (asked, query("qualifier"))
            }
        };
        let qualifiers = qualifiers.unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(qualifiers.as_bytes());
        let file = pairs.find(|(key, _)| key == "file").map(|(_, file)| file.into_owned());
        Ok(Self { file, ..asked })
    }

    /// The whole name as the format writes it.
    pub(super) fn full_name(&self, format: &dyn FeedFormat) -> Option<String> {
        let name = self.name.as_deref()?;
        Some(match &self.group {
            Some(group) => format!("{}/{name}", written_group(format, group)),
            None => name.to_owned(),
        })
    }

    /// The package, if one is named.
    pub(super) fn package(&self, format: &dyn FeedFormat) -> Result<Option<NameKey>, Problem> {
        let Some(name) = self.full_name(format) else { return Ok(None) };
        Ok(Some(format.name(&name)?.key().clone()))
    }

    /// The version, if one is named.
    pub(super) fn version(&self, format: &dyn FeedFormat) -> Result<Option<VersionKey>, Problem> {
        let version = self.version.as_deref().map(|version| format.version(version));
        Ok(version.transpose()?.map(|version| version.key().clone()))
    }

    /// The one version that name and version mean, both of which must be given.
    pub(super) async fn found(&self, call: &Call) -> Result<Found, Problem> {
        let format = call.format()?;
        let name = self.package(format)?.ok_or_else(|| Refusal::new("name", "must be given in the query"))?;
        let version =
            self.version(format)?.ok_or_else(|| Refusal::new("version", "must be given in the query"))?;
        let filter = VersionFilter { name: Some(name), version: Some(version) };
        // What there is to be changed is told only to those who may view it.
        let registry = call.registry();
        let may_view = registry.admit(&call.caller, call.admission()?.feed(), Permission::View)?;
        let page = registry.versions(&may_view, &filter, &PageRequest::first(1)).await?;
        page.rows.into_iter().next().ok_or_else(|| self.unknown(format))
    }

    pub(super) fn unknown(&self, format: &dyn FeedFormat) -> Problem {
        let name = self.full_name(format).unwrap_or_default();
        let version = self.version.as_deref().unwrap_or_default();
        Problem::NotFound(format!("Package {name} {version} not found."))
    }

    /// The one file of a version that is meant.
    pub(super) fn file<'a>(&self, found: &'a Found) -> Result<&'a FileRow, Problem> {
        let files = &found.version.files;
        match (&self.file, files.as_slice()) {
            (None, [only]) => Ok(only),
            (None, []) => Err(Problem::NotFound("this version has no files".into())),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|file| file.name.as_str()).collect();
                let rule = format!("must say file=… because the version has several: {}", names.join(", "));
                Err(Refusal::new("qualifier", rule).into())
            }
            (Some(name), _) => {
                let file = files.iter().find(|file| file.name.as_str() == name);
                file.ok_or_else(|| Problem::NotFound(format!("this version has no file {name}")))
            }
        }
    }
}

/// A group as the format writes it: scripts give npm's scopes without their `@`.
pub(super) fn written_group(format: &dyn FeedFormat, group: &str) -> String {
    if format.purl_type() == "npm" && !group.starts_with('@') {
        format!("@{group}")
    } else {
        group.to_owned()
    }
}

/// A name split at its last slash, as the client has it.
pub(super) fn split_name(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('/') {
        Some((group, name)) => (Some(group), name),
        None => (None, name),
    }
}
