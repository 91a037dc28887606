//! Search results as clients read them.
//!
//! There is no ranking here: packages come in the order of their names, and every score is the
//! same. See <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search>.

use super::{fragment::VersionFragment, name};
use proget_core::catalog::Found;
use proget_core::clock::Timestamp;
use serde_json::{Value, json};

/// The document for one page of `found`. `total` is how many are known to match, at least.
#[must_use]
pub fn document(found: &[Found], total: usize, now: Timestamp) -> Value {
    let objects: Vec<Value> = found.iter().map(object).collect();
    json!({"objects": objects, "total": total, "time": now.to_string()})
}

fn object(found: &Found) -> Value {
    let (package, version) = (&found.package.name, &found.version);
    let rest = VersionFragment::decode(&version.fragment).map(|fragment| fragment.rest()).unwrap_or_default();
    let publisher = json!({"username": version.published_by, "name": version.published_by, "email": ""});
    let mut shown = json!({
        "name": package.as_str(),
        "scope": name::split(package.as_str()).0.unwrap_or("unscoped"),
        "version": version.version.as_str(),
        "description": version.summary,
        "date": version.published.to_string(),
        "links": {},
        "publisher": publisher,
        "maintainers": [publisher],
    });
    for key in ["keywords", "author", "license"] {
        if let Some(value) = rest.get(key) {
            shown[key] = value.clone();
        }
    }
    for (key, link) in [("homepage", "homepage"), ("repository", "repository"), ("bugs", "bugs")] {
        let address = rest.get(key).map(|value| value.get("url").unwrap_or(value));
        if let Some(address) = address.filter(|address| address.is_string()) {
            shown["links"][link] = address.clone();
        }
    }
    json!({
        "package": shown,
        "score": {"final": 1, "detail": {"quality": 1, "popularity": 1, "maintenance": 1}},
        "searchScore": 1,
    })
}
