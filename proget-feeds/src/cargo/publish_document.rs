//! The document that cargo sends with a publish, as a [`Declaration`].
//!
//! Members that are not known are passed over, because newer clients send more of them; except
//! those that change what a dependency means.
//! See <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish>.

use super::declaration::{About, Declaration, Dependency, Features, Kind, Readme};
use proget_core::refusal::Refusal;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Sent {
    name: String,
    vers: String,
    #[serde(default)]
    deps: Vec<SentDependency>,
    #[serde(default)]
    features: Features,
    #[serde(default)]
    authors: Vec<String>,
    description: Option<String>,
    documentation: Option<String>,
    homepage: Option<String>,
    readme: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    license: Option<String>,
    license_file: Option<String>,
    repository: Option<String>,
    links: Option<String>,
    rust_version: Option<String>,
}

#[derive(Deserialize)]
struct SentDependency {
    name: String,
    version_req: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default = "yes")]
    default_features: bool,
    target: Option<String>,
    kind: Option<Kind>,
    registry: Option<String>,
    explicit_name_in_toml: Option<String>,
    artifact: Option<Value>,
}

fn yes() -> bool {
    true
}

/// Reads the document.
///
/// # Errors
/// A refusal of the first member that is not as it must be.
pub fn parse(document: &[u8]) -> Result<Declaration, Refusal> {
    let broken = |why: String| Refusal::new("publish document", format!("must be a JSON object{why}"));
    // The parser would take an array for the members in their order.
    if !document.trim_ascii_start().starts_with(b"{") {
        return Err(broken(String::new()));
    }
    let sent: Sent = serde_json::from_slice(document).map_err(|error| broken(format!(": {error}")))?;
    let dependencies = sent.deps.into_iter().map(dependency).collect::<Result<_, _>>()?;
    let declaration = Declaration {
        name: sent.name,
        version: sent.vers,
        dependencies,
        features: sent.features,
        links: sent.links,
        rust_version: sent.rust_version,
        readme: sent.readme.map_or(Readme::Unsaid, Readme::Text),
        about: About {
            description: sent.description,
            homepage: sent.homepage,
            documentation: sent.documentation,
            repository: sent.repository,
            license: sent.license,
            license_file: sent.license_file,
            authors: sent.authors,
            keywords: sent.keywords,
            categories: sent.categories,
        },
    };
    declaration.checked()
}

/// A dependency in the words of the index: there the first name is the one in the depending
/// crate's code, here it is the one in the registry.
fn dependency(sent: SentDependency) -> Result<Dependency, Refusal> {
    if sent.artifact.is_some_and(|artifact| !artifact.is_null()) {
        return Err(super::manifest_file::artifact_dependency(&sent.name));
    }
    let (name, package) = match sent.explicit_name_in_toml {
        Some(explicit) => (explicit, Some(sent.name)),
        None => (sent.name, None),
    };
    Ok(Dependency {
        name,
        req: sent.version_req,
        features: sent.features,
        optional: sent.optional,
        default_features: sent.default_features,
        target: sent.target,
        kind: sent.kind.unwrap_or(Kind::Normal),
        registry: sent.registry,
        package,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent() -> Value {
        json!({
            "name": "a", "vers": "1.0.0+x", "deps": [{
                "optional": true, "default_features": false, "name": "real", "features": ["std"],
                "version_req": "^1", "target": "cfg(unix)", "kind": "dev",
                "registry": "sparse+http://elsewhere/index/", "explicit_name_in_toml": "alias",
            }],
            "features": {"default": ["x"]}, "authors": ["Ann"], "description": "d", "documentation": null,
            "homepage": null, "readme": "# a", "readme_file": "README.md", "keywords": ["k"], "categories": [],
            "license": "MIT", "license_file": null, "repository": null, "badges": {}, "links": null,
            "rust_version": "1.70", "unheard_of": {"x": 1},
        })
    }

    #[test]
    fn what_cargo_sends_is_understood_and_renamed_dependencies_turned_round() {
        let read = parse(sent().to_string().as_bytes()).unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("a", "1.0.0+x"));
        assert_eq!(read.readme, Readme::Text("# a".into()));
        let expected = json!({
            "name": "alias", "req": "^1", "features": ["std"], "optional": true, "default_features": false,
            "target": "cfg(unix)", "kind": "dev", "registry": "sparse+http://elsewhere/index/", "package": "real",
        });
        assert_eq!(serde_json::to_value(&read.dependencies[0]).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_refused_by_its_field() {
        let refuse = |change: fn(&mut Value), field: &str| {
            let mut document = sent();
            change(&mut document);
            let refusal = parse(document.to_string().as_bytes()).unwrap_err();
            assert!(refusal.field.starts_with(field), "{field}: {refusal}");
        };
        refuse(|sent| sent["name"] = json!("a b"), "name");
        refuse(|sent| sent["vers"] = json!("1.0"), "version");
        refuse(|sent| sent["name"] = json!(1), "publish document");
        refuse(|sent| *sent = json!(["a", "1.0.0"]), "publish document");
        refuse(|sent| sent["deps"][0]["version_req"] = json!("one"), "dependencies");
        refuse(|sent| sent["deps"][0]["name"] = json!("../a"), "dependencies");
        refuse(|sent| sent["deps"][0]["explicit_name_in_toml"] = json!("a/b"), "dependencies");
        refuse(|sent| sent["deps"][0]["kind"] = json!("other"), "publish document");
        refuse(|sent| sent["deps"][0]["registry"] = json!("mine"), "dependencies");
        refuse(|sent| sent["deps"][0]["artifact"] = json!(["bin"]), "dependencies");
        refuse(|sent| sent["deps"][0]["target"] = json!(" "), "dependencies");
        refuse(|sent| sent["features"] = json!({"a/b": []}), "features");
        refuse(|sent| sent["features"] = json!({"a": [""]}), "features");
        refuse(|sent| sent["rust_version"] = json!("nightly"), "rust-version");
        refuse(|sent| sent["links"] = json!("a\nb"), "links");
    }

    #[test]
    fn deep_documents_are_refused_and_not_followed() {
        let deep = format!("{{\"x\":{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse(deep.as_bytes()).is_err());
    }
}
