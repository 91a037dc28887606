//! The line that one version contributes to the index, made when it is published.
//!
//! It is stored without `yanked`, which may change; see
//! <https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema>. Features that use
//! newer syntax (`dep:`, `?/`) stand apart as `features2`, and the line says `v: 2`, so that clients
//! which do not know the syntax pass over the version instead of misreading it.

use super::declaration::{Declaration, Dependency, Features};
use proget_core::digest::Sha256;
use proget_core::package::Fragment;
use proget_core::refusal::Refusal;
use serde::Serialize;

/// Longest line, in bytes: 1 MiB. The longest of the public registry have a tenth of it.
const LIMIT: usize = 1 << 20;

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    vers: &'a str,
    deps: &'a [Dependency],
    cksum: String,
    features: Features,
    #[serde(skip_serializing_if = "Features::is_empty")]
    features2: Features,
    links: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rust_version: Option<&'a str>,
    v: u32,
}

/// The line of a version whose crate has this digest.
pub(crate) fn line(declaration: &Declaration, crate_digest: &Sha256) -> Result<Fragment, Refusal> {
    let (features2, features): (Features, Features) = declaration
        .features
        .clone()
        .into_iter()
        .partition(|(_, turns_on)| turns_on.iter().any(|one| is_new(one)));
    let line = Line {
        name: &declaration.name,
        vers: &declaration.version,
        deps: &declaration.dependencies,
        cksum: crate_digest.to_string(),
        v: if features2.is_empty() { 1 } else { 2 },
        features,
        features2,
        links: declaration.links.as_deref(),
        rust_version: declaration.rust_version.as_deref(),
    };
    // Texts, lists and maps of them always serialize.
    let bytes = serde_json::to_vec(&line).unwrap_or_default();
    if bytes.len() > LIMIT {
        let rule = format!(
            "has dependencies and features of {} bytes in the index; at most {LIMIT} are taken",
            bytes.len()
        );
        return Err(Refusal::new("package", rule));
    }
    Ok(Fragment(bytes.into()))
}

fn is_new(turned_on: &str) -> bool {
    turned_on.starts_with("dep:") || turned_on.contains("?/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn made(features: Value) -> Value {
        let document = json!({"name": "a", "vers": "1.0.0", "features": features, "links": "z"});
        let declaration = super::super::publish_document::parse(document.to_string().as_bytes()).unwrap();
        let line = line(&declaration, &Sha256::of(b"x")).unwrap();
        serde_json::from_slice(&line.0).unwrap()
    }

    #[test]
    fn features_in_newer_syntax_stand_apart_and_the_line_says_so() {
        let line = made(json!({"old": ["a/b", "c"], "new": ["dep:c"], "weak": ["c?/std", "old"]}));
        assert_eq!(line["features"], json!({"old": ["a/b", "c"]}));
        assert_eq!(line["features2"], json!({"new": ["dep:c"], "weak": ["c?/std", "old"]}));
        assert_eq!(line["v"], 2);
    }

    #[test]
    fn without_newer_syntax_old_clients_read_everything() {
        let line = made(json!({"old": ["a/b"]}));
        let expected = json!({
            "name": "a", "vers": "1.0.0", "deps": [], "cksum": Sha256::of(b"x").to_string(),
            "features": {"old": ["a/b"]}, "links": "z", "v": 1,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_beyond_all_measure_is_refused() {
        let long: Vec<String> = (0..100_000).map(|at| format!("feature-{at}")).collect();
        let features = Features::from([("all".to_owned(), long)]);
        let declaration = Declaration { features, ..Declaration::default() };
        assert!(line(&declaration, &Sha256::of(b"x")).is_err());
    }
}
