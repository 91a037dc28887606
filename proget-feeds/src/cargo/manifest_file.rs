//! The `Cargo.toml` in a crate, as a [`Declaration`].
//!
//! What `cargo package` writes there is normalised: nothing is inherited from a workspace, paths
//! are gone, and registries are named by the addresses of their indexes. What is not normalised is
//! refused, because its meaning lies outside the crate.
//! See <https://doc.rust-lang.org/cargo/reference/manifest.html>.
//!
//! What surprised us: a dependency without a registry means the *public* registry here, and *this*
//! registry in the index.

use super::declaration::{About, Declaration, Dependency, Features, Kind, Readme};
use proget_core::refusal::Refusal;
use toml::{Table, Value};

/// Largest `Cargo.toml` in bytes: 1 MiB.
pub const LIMIT: u64 = 1 << 20;

/// What the index calls the registry that a `Cargo.toml` means when it names none. A name, which is
/// compared and not called: clients know it by heart.
const PUBLIC_REGISTRY: &str = "https://github.com/rust-lang/crates.io-index";

const SECTIONS: [(&str, Kind); 5] = [
    ("dependencies", Kind::Normal),
    ("dev-dependencies", Kind::Dev),
    ("dev_dependencies", Kind::Dev),
    ("build-dependencies", Kind::Build),
    ("build_dependencies", Kind::Build),
];

/// Reads a normalised `Cargo.toml`.
///
/// # Errors
/// A refusal of the first part that is not as it must be.
pub fn parse(text: &[u8]) -> Result<Declaration, Refusal> {
    let broken = |why: String| Refusal::new("Cargo.toml", format!("cannot be read: {why}"));
    if text.len() as u64 > LIMIT {
        return Err(Refusal::new("Cargo.toml", format!("must have at most {LIMIT} bytes")));
    }
    let text = std::str::from_utf8(text).map_err(|error| broken(error.to_string()))?;
    let root: Table = toml::from_str(text).map_err(|error| broken(error.message().to_owned()))?;
    let package = Section::of(&root, "package")?.or(Section::of(&root, "project")?);
    let package = package.ok_or_else(|| broken("it has no [package]".into()))?;
    let missing = |key: &str| Refusal::new(format!("Cargo.toml: package.{key}"), "must be there");
    let declaration = Declaration {
        name: package.text("name")?.ok_or_else(|| missing("name"))?,
        version: package.text("version")?.ok_or_else(|| missing("version"))?,
        dependencies: dependencies(&root)?,
        features: features(&root)?,
        links: package.text("links")?,
        rust_version: package.text("rust-version")?,
        readme: match package.table.get("readme") {
            Some(Value::Boolean(false)) => Readme::None,
            None | Some(Value::Boolean(true)) => Readme::Unsaid,
            _ => package.text("readme")?.map_or(Readme::Unsaid, Readme::File),
        },
        about: About {
            description: package.text("description")?,
            homepage: package.text("homepage")?,
            documentation: package.text("documentation")?,
            repository: package.text("repository")?,
            license: package.text("license")?,
            license_file: package.text("license-file")?,
            authors: package.texts("authors")?,
            keywords: package.texts("keywords")?,
            categories: package.texts("categories")?,
        },
    };
    declaration.checked()
}

/// Dependencies on programs mean what only some clients understand.
pub(super) fn artifact_dependency(name: &str) -> Refusal {
    let rule = "is on a program (artifact), which is not stable in cargo and not supported here";
    Refusal::new(format!("dependencies[{name:?}]"), rule)
}

fn dependencies(root: &Table) -> Result<Vec<Dependency>, Refusal> {
    let mut found = Vec::new();
    section_dependencies(root, "", None, &mut found)?;
    if let Some(targets) = Section::of(root, "target")? {
        for target in targets.table.keys() {
            let Some(section) = Section::of(targets.table, target)? else { continue };
            section_dependencies(section.table, &format!("target.{target}."), Some(target), &mut found)?;
        }
    }
    Ok(found)
}

fn section_dependencies(
    table: &Table,
    place: &str,
    target: Option<&String>,
    found: &mut Vec<Dependency>,
) -> Result<(), Refusal> {
    for (key, kind) in SECTIONS {
        let Some(section) = Section::of(table, key)? else { continue };
        for (name, value) in section.table {
            let dependency = dependency(&format!("{place}{key}.{name}"), name, value)?;
            found.push(Dependency { kind, target: target.cloned(), ..dependency });
        }
    }
    Ok(())
}

fn dependency(place: &str, name: &str, value: &Value) -> Result<Dependency, Refusal> {
    let empty = Table::new();
    let (req, table) = match value {
        Value::String(req) => (Some(req.clone()), &empty),
        Value::Table(table) => (Section { table, place }.text("version")?, table),
        _ => return Err(wrong(place, "must be a text or a table")),
    };
    let section = Section { table, place };
    if table.contains_key("artifact") {
        return Err(artifact_dependency(name));
    }
    let registry = match section.text("registry-index")? {
        Some(index) => Some(index),
        None if table.contains_key("registry") => {
            return Err(wrong(
                place,
                "names a registry that only its author's settings know; `cargo package` writes its address instead",
            ));
        }
        None => Some(PUBLIC_REGISTRY.to_owned()),
    };
    // Written as cargo writes it, so that `1` and `^1` are not two things.
    let req =
        super::version::requirement(req.as_deref().unwrap_or("*")).map_err(|rule| wrong(place, rule))?;
    Ok(Dependency {
        name: name.to_owned(),
        req: req.to_string(),
        features: section.texts("features")?,
        optional: section.flag(&["optional"])?.unwrap_or(false),
        default_features: section.flag(&["default-features", "default_features"])?.unwrap_or(true),
        target: None,
        kind: Kind::Normal,
        registry,
        package: section.text("package")?,
    })
}

fn features(root: &Table) -> Result<Features, Refusal> {
    let Some(section) = Section::of(root, "features")? else { return Ok(Features::new()) };
    section.table.keys().map(|name| Ok((name.clone(), section.texts(name)?))).collect()
}

/// A table with the place where it stands, for refusals.
#[derive(Clone, Copy)]
struct Section<'a> {
    table: &'a Table,
    place: &'a str,
}

impl<'a> Section<'a> {
    fn of(table: &'a Table, key: &'a str) -> Result<Option<Self>, Refusal> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::Table(inner)) => Ok(Some(Self { table: inner, place: key })),
            Some(_) => Err(wrong(key, "must be a table")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(key, other, "must be a text")),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, Refusal> {
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(key, value, "must be a list of texts");
        let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(wrong);
        value.as_array().ok_or_else(wrong)?.iter().map(text).collect()
    }

    fn flag(&self, keys: &[&str]) -> Result<Option<bool>, Refusal> {
        let Some((key, value)) = keys.iter().find_map(|key| Some((key, self.table.get(*key)?))) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, value, "must be true or false"))
    }

    fn wrong(&self, key: &str, value: &Value, rule: &'static str) -> Refusal {
        let inherits = value.as_table().is_some_and(|table| table.contains_key("workspace"));
        let place = format!("{}.{key}", self.place);
        match inherits {
            true => wrong(&place, "is inherited from a workspace; `cargo package` writes the value itself"),
            false => wrong(&place, rule),
        }
    }
}

fn wrong(place: &str, rule: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(format!("Cargo.toml: {place}"), rule)
}

#[cfg(test)]
mod tests;
