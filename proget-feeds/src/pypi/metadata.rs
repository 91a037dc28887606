//! Core metadata: the `METADATA` of a wheel and the `PKG-INFO` of an sdist.
//!
//! Header lines and a description behind an empty line, as in a mail; see
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>. A line that begins with a
//! blank continues the one before. Only what is needed to know *which* distribution this is is
//! checked here; the rest is passed on to people as its author wrote it.

use super::version;
use proget_core::refusal::Refusal;
use serde_json::{Map, Value};

/// Where the fields are described.
const RULES: &str = "https://packaging.python.org/en/latest/specifications/core-metadata/";

/// Largest metadata in bytes: 1 MiB, the description included.
pub const LIMIT: u64 = 1 << 20;

/// Fields that may be there once at most; of others the first counts where one is wanted.
const SINGLE: [&str; 4] = ["metadata-version", "name", "version", "requires-python"];

/// What is told about a version: the member of project documents, and the field it comes from.
const TOLD: [(&str, &str, Multiplicity); 20] = [
    ("author", "author", Multiplicity::One),
    ("author_email", "author-email", Multiplicity::One),
    ("classifiers", "classifier", Multiplicity::Many),
    ("description_content_type", "description-content-type", Multiplicity::One),
    ("download_url", "download-url", Multiplicity::One),
    ("dynamic", "dynamic", Multiplicity::Many),
    ("home_page", "home-page", Multiplicity::One),
    ("keywords", "keywords", Multiplicity::One),
    ("license", "license", Multiplicity::One),
    ("license_expression", "license-expression", Multiplicity::One),
    ("license_files", "license-file", Multiplicity::Many),
    ("maintainer", "maintainer", Multiplicity::One),
    ("maintainer_email", "maintainer-email", Multiplicity::One),
    ("metadata_version", "metadata-version", Multiplicity::One),
    ("platform", "platform", Multiplicity::Many),
    ("project_urls", "project-url", Multiplicity::Many),
    ("provides_extra", "provides-extra", Multiplicity::Many),
    ("requires_dist", "requires-dist", Multiplicity::Many),
    ("requires_python", "requires-python", Multiplicity::One),
    ("summary", "summary", Multiplicity::One),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Multiplicity {
    One,
    Many,
}

/// Metadata, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Fields with lower-case names, in their order.
    fields: Vec<(String, String)>,
    /// What follows the empty line.
    body: String,
}

impl Metadata {
    /// Takes metadata apart; `source` is what the file is called.
    ///
    /// # Errors
    /// A refusal of what is no such text, is too long, lacks a field that must be there or has it twice.
    pub fn parse(bytes: &[u8], source: &'static str) -> Result<Self, Refusal> {
        let refuse = |rule: String| Refusal::new(source, rule).see(RULES);
        if bytes.len() as u64 > LIMIT {
            return Err(refuse(format!("must have at most {LIMIT} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| refuse("must be UTF-8".to_owned()))?;
        let mut metadata = Self::default();
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                metadata.body = rest.to_owned();
                break;
            }
            metadata.take(line).map_err(|rule| refuse(rule.to_owned()))?;
        }
        for single in SINGLE {
            if metadata.all(single).count() > 1 {
                return Err(refuse(format!("has more than one {}", shown(single))));
            }
        }
        for needed in ["metadata-version", "name", "version"] {
            metadata.one(needed).ok_or_else(|| refuse(format!("must have a {}", shown(needed))))?;
        }
        metadata.check_generation().map_err(refuse)?;
        if let Some(raw) = metadata.one("requires-python") {
            version::requires_python(raw)?;
        }
        Ok(metadata)
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        if line.starts_with([' ', '\t']) {
            let (_, value) = self.fields.last_mut().ok_or("begins with a line that continues another")?;
            value.push('\n');
            value.push_str(line);
            return Ok(());
        }
        let broken = "has a line that is neither 'Field: value' nor continues one";
        let (field, value) = line.split_once(':').ok_or(broken)?;
        if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(broken);
        }
        self.fields.push((field.to_ascii_lowercase(), value.trim().to_owned()));
        Ok(())
    }

    /// A later generation than the known ones may change what fields mean.
    fn check_generation(&self) -> Result<(), String> {
        let text = self.metadata_version();
        let numbers = text.split_once('.').map(|(major, minor)| (major.parse::<u32>(), minor.parse::<u32>()));
        match numbers {
            Some((Ok(1 | 2), Ok(_))) => Ok(()),
            _ => Err(format!("has Metadata-Version '{}', but 1.x or 2.x is expected", text.escape_debug())),
        }
    }

    /// The first value of a field, by its lower-case name; `UNKNOWN`, which old tools write, and an
    /// empty one count as none.
    #[must_use]
    pub fn one(&self, field: &str) -> Option<&str> {
        self.all(field).find(|value| !value.is_empty() && *value != "UNKNOWN")
    }

    /// All values of a field, by its lower-case name.
    pub fn all(&self, field: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// The generation of the metadata, `2.1`.
    #[must_use]
    pub fn metadata_version(&self) -> &str {
        self.one("metadata-version").unwrap_or_default()
    }

    /// The project's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.one("name").unwrap_or_default()
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        self.one("version").unwrap_or_default()
    }

    /// The Python versions asked for.
    #[must_use]
    pub fn requires_python(&self) -> Option<&str> {
        self.one("requires-python")
    }

    /// The long description: what follows the fields or, in old metadata, a field of many lines,
    /// each indented by eight blanks or by seven and a bar.
    #[must_use]
    pub fn description(&self) -> String {
        let Some(field) = self.one("description").filter(|_| self.body.trim().is_empty()) else {
            return self.body.clone();
        };
        let plain = |line: &'_ str| -> String {
            let bare = line.strip_prefix("       |").or_else(|| line.strip_prefix("        "));
            bare.unwrap_or(line).to_owned()
        };
        field.split('\n').map(plain).collect::<Vec<_>>().join("\n")
    }

    /// What documents tell about the version, in the words of project documents; no description.
    #[must_use]
    pub fn told(&self) -> Map<String, Value> {
        let mut told = Map::new();
        for (member, field, multiplicity) in TOLD {
            let value = match multiplicity {
                Multiplicity::One => self.one(field).map(|text| Value::from(unfolded(text))),
                Multiplicity::Many => {
                    let all: Vec<Value> = self.all(field).map(|text| unfolded(text).into()).collect();
                    (!all.is_empty()).then(|| Value::from(all))
                }
            };
            if let Some(value) = value {
                told.insert(member.to_owned(), value);
            }
        }
        told
    }
}

/// A value of several lines, each without its indentation.
fn unfolded(text: &str) -> String {
    text.split('\n').map(str::trim).collect::<Vec<_>>().join("\n")
}

/// `metadata-version` as people write it.
fn shown(field: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    field.split('-').map(capital).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Metadata, Refusal> {
        Metadata::parse(text.as_bytes(), "METADATA")
    }

    #[test]
    fn fields_continue_on_indented_lines_and_the_description_follows_them() {
        let metadata = parse(
            "Metadata-Version: 2.1\r\nNAME: My.Tool\nVersion:1.0\nLicense: MIT\n  second\nRequires-Dist: a\nRequires-Dist: b>=1 ; extra == 'x'\nHome-page: UNKNOWN\n\nHello: world\n\nbye\n",
        )
        .unwrap();
        assert_eq!((metadata.name(), metadata.version()), ("My.Tool", "1.0"));
        assert_eq!(metadata.description(), "Hello: world\n\nbye\n");
        let told = metadata.told();
        assert_eq!(told["license"], "MIT\nsecond");
        assert_eq!(told["requires_dist"], serde_json::json!(["a", "b>=1 ; extra == 'x'"]));
        assert_eq!(told.get("home_page"), None);
    }

    #[test]
    fn old_descriptions_lose_their_indentation() {
        let metadata = parse(
            "Metadata-Version: 1.0\nName: a\nVersion: 1\nDescription: one\n        two\n       |three\n",
        )
        .unwrap();
        assert_eq!(metadata.description(), "one\ntwo\nthree");
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        let good = "Metadata-Version: 2.1\nName: a\nVersion: 1\n";
        for bad in [
            "".to_owned(),
            "Name: a\nVersion: 1\n".to_owned(),
            "Metadata-Version: 2.1\nVersion: 1\n".to_owned(),
            "Metadata-Version: 2.1\nName: a\n".to_owned(),
            good.replace("2.1", "3.0"),
            good.replace("2.1", "x"),
            format!("{good}Version: 2\n"),
            format!("{good}Requires-Python: x\n"),
            format!("{good}Requires-Python: >=3\nRequires-Python: >=4\n"),
            format!(" {good}"),
            format!("{good}no colon\n"),
            format!("{good}a b: c\n"),
            format!("{good}\n{}", "x".repeat(1 << 20)),
        ] {
            assert!(parse(&bad).is_err(), "{:.80}", bad);
        }
        assert!(Metadata::parse(b"Metadata-Version: 2.1\nName: \xff\nVersion: 1\n", "METADATA").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "(Metadata-Version: 2.1\n)?(Name: a\n)?(Version: 1\n)?[ a-zA-Z:\n\r\té-]{0,60}") {
            if let Ok(metadata) = parse(&text) {
                drop((metadata.told(), metadata.description()));
            }
        }
    }
}
