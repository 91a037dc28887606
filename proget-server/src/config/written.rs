//! Low: what was written, and where. Later sources win: default, file, environment, command line.
//!
//! Nothing is understood here but names; what a text means is asked in `checked`. A variable that
//! is set but empty counts as not set, because compose files pass variables on like that.
//!
//! What surprised us: Kubernetes gives every container variables like `PROGET_SERVICE_HOST` and
//! `PROGET_PORT=tcp://…` if there is a service called `proget`. They are nobody's mistake.

use super::complaint::{Complaint, Source};
use super::list::SETTINGS;
use super::setting::Setting;
use proget_core::access::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "PROGET_CONFIG";

/// Where the file is looked for if nothing names it; the first that exists is taken.
pub const FILES: [&str; 2] = ["proget.toml", "/etc/proget/proget.toml"];

/// Everything that can say something about settings.
#[derive(Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Flags, by the setting's name.
    pub flags: Vec<(&'static str, String)>,
}

/// One value as it was written. It may be a secret, so it cannot be printed.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text.
    pub text: Secret,
    /// Who wrote it.
    pub source: Source,
}

/// What was written, by the settings' names.
#[derive(Debug, Default)]
pub struct Written {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    values: BTreeMap<&'static str, Text>,
}

impl Written {
    /// What was written about a setting.
    #[must_use]
    pub fn get(&self, setting: &Setting) -> Option<&Text> {
        self.values.get(setting.name)
    }

    /// Gathers from all sources; mistakes go to `complaints`.
    pub fn gather(sources: &Sources, complaints: &mut Vec<Complaint>) -> Self {
        let mut written = Self::default();
        let variable = |name: &str| sources.variables.iter().find(|(known, _)| known == name);
        let named = match (&sources.file, variable(CONFIG_VARIABLE)) {
            (Some(path), _) => Some((path.clone(), "--config".to_owned())),
            (None, Some((name, path))) if !path.is_empty() => Some((path.into(), name.clone())),
            _ => None,
        };
        written.file = match &named {
            Some((path, _)) => Some(path.clone()),
            None => FILES.iter().map(PathBuf::from).find(|path| path.is_file()),
        };
        if let Some(path) = written.file.clone() {
            let by = named.map(|(_, by)| by);
            written.read_file(&path, by.as_deref(), complaints);
        }
        written.read_variables(&sources.variables, complaints);
        for (name, text) in &sources.flags {
            written.set(name, text.clone(), Source::Flag((*name).to_owned()));
        }
        written
    }

    fn set(&mut self, name: &'static str, text: String, source: Source) {
        self.values.insert(name, Text { text: Secret::new(text), source });
    }

    fn read_file(&mut self, path: &Path, named_by: Option<&str>, complaints: &mut Vec<Complaint>) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let hint = named_by.map(|by| format!("it is named by {by}")).unwrap_or_default();
                let what = format!("cannot read the configuration file {}: {error}", path.display());
                complaints.push(Complaint { what, hint });
                return;
            }
        };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                // Its own text would print the line, which may hold a password.
                let line =
                    error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
                let what = format!("{}, line {line}: {}", path.display(), error.message());
                let hint = "write lines such as listen = \"127.0.0.1:8624\"".to_owned();
                complaints.push(Complaint { what, hint });
                return;
            }
        };
        for (name, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                let what = format!("{}: there is no setting '{name}'", path.display());
                complaints
                    .push(Complaint { what, hint: nearest(&name, "", |setting| setting.name.to_owned()) });
                continue;
            };
            match as_text(&value) {
                Some(text) => self.set(setting.name, text, Source::File(path.to_owned())),
                None => {
                    let what = format!(
                        "{}: '{name}' is neither a text, a number nor a list of texts",
                        path.display()
                    );
                    let hint = format!("write {name} = \"{}\"", setting.kind.placeholder());
                    complaints.push(Complaint { what, hint });
                }
            }
        }
    }

    fn read_variables(&mut self, variables: &[(String, String)], complaints: &mut Vec<Complaint>) {
        let mut by_file: Vec<(&Setting, &str, &str)> = Vec::new();
        for (name, text) in variables {
            if !name.starts_with("PROGET_") || name == CONFIG_VARIABLE || is_from_kubernetes(name, text) {
                continue;
            }
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) {
                if !text.is_empty() {
                    self.set(setting.name, text.clone(), Source::Variable(name.clone()));
                }
            } else if let Some(setting) =
                SETTINGS.iter().find(|one| one.file_variable().as_ref() == Some(name))
            {
                if !text.is_empty() {
                    by_file.push((setting, name, text));
                }
            } else {
                let what = format!("the environment variable {name} means nothing to this program");
                complaints.push(Complaint { what, hint: nearest(name, "PROGET_", Setting::variable) });
            }
        }
        for (setting, name, path) in by_file {
            let direct = self.get(setting).is_some_and(|text| matches!(text.source, Source::Variable(_)));
            if direct {
                let what = format!("both {} and {name} are set", setting.variable());
                complaints.push(Complaint { what, hint: "set only one of the two".into() });
                continue;
            }
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    let source = Source::FileOf(name.to_owned(), path.into());
                    self.set(setting.name, text.trim_end_matches(['\r', '\n']).to_owned(), source);
                }
                Err(error) => {
                    let what = format!("cannot read the file {path} that {name} names: {error}");
                    complaints
                        .push(Complaint { what, hint: "let it hold the value and nothing else".into() });
                }
            }
        }
    }
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(parts) => {
            let parts: Option<Vec<&str>> = parts.iter().map(toml::Value::as_str).collect();
            Some(parts?.join(","))
        }
        _ => None,
    }
}

/// What Kubernetes sets by itself for a service called `proget`, or one whose name begins with that.
fn is_from_kubernetes(name: &str, text: &str) -> bool {
    let service = name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT");
    let port = name.contains("_PORT_") || (name.ends_with("_PORT") && text.contains("://"));
    service || port
}

/// A hint with the setting that was probably meant.
fn nearest(wrong: &str, prefix: &str, spelled: impl Fn(&Setting) -> String) -> String {
    let wrong = wrong.strip_prefix(prefix).unwrap_or(wrong);
    let likeness = |setting: &&&Setting| {
        let name = spelled(setting);
        // In thousandths, because floats have no total order worth the name.
        (strsim::jaro_winkler(name.strip_prefix(prefix).unwrap_or(&name), wrong) * 1000.0) as u32
    };
    match SETTINGS.iter().max_by_key(likeness).filter(|best| likeness(best) > 700) {
        Some(best) => format!("did you mean {}?", spelled(best)),
        None => "'proget config show' lists all settings".to_owned(),
    }
}
