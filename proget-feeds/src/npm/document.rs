//! The document a client puts: a publish, or a packument sent back with something changed.
//!
//! npm has one address for both; what is meant shows in the members. Only what is needed is parsed,
//! the rest is passed over, so that a packument of many megabytes costs no more than its text.
//! See <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>.

use bytes::Bytes;
use proget_core::package::Offer;
use proget_core::refusal::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest reason not to use a version, in bytes.
const REASON_LIMIT: usize = 4096;

/// What was put.
#[derive(Debug)]
pub enum PutDocument {
    /// A version with its tarball.
    Publish(PublishDocument),
    /// A packument with something changed: deprecations, tags, versions left out.
    Update(UpdateDocument),
}

/// A publish: what its sender says about the tarball.
#[derive(Debug)]
pub struct PublishDocument {
    /// To be inspected together with the tarball.
    pub offer: Offer,
    /// How long the tarball is said to be.
    length: Option<u64>,
}

/// A packument sent back; only what can be changed this way.
#[derive(Debug, Default)]
pub struct UpdateDocument {
    /// For each version that is still there: why it should no longer be used, or nothing.
    pub versions: Option<BTreeMap<String, Option<String>>>,
    /// Tags and the versions they point at.
    pub tags: Option<BTreeMap<String, String>>,
    /// The revision that its sender has read.
    pub rev: Option<String>,
    /// Does it name people? `npm owner` sends only them, `npm star` only `users`.
    pub people: bool,
}

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    readme: Option<&'a RawValue>,
    #[serde(borrow, default)]
    versions: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "dist-tags")]
    tags: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_rev")]
    rev: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_attachments")]
    attachments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    maintainers: Option<&'a RawValue>,
    #[serde(borrow, default)]
    users: Option<&'a RawValue>,
}

impl PutDocument {
    /// Reads what a [`Splitter`](super::Splitter) left of a document put at `name`'s address.
    ///
    /// # Errors
    /// A refusal of the first member that is not as it must be.
    pub fn parse(metadata: &[u8], name: &str, has_attachment: bool) -> Result<Self, Refusal> {
        let broken = |why: String| Refusal::new("publish document", format!("must be a JSON object{why}"));
        // The parser would take an array for the members in their order.
        if !metadata.trim_ascii_start().starts_with(b"{") {
            return Err(broken(String::new()));
        }
        let root: Root<'_> =
            serde_json::from_slice(metadata).map_err(|error| broken(format!(": {error}")))?;
        if let Some(said) = root.name {
            let said: String = field(said, "name", "a text")?;
            if said != name {
                return Err(Refusal::new(
                    "name",
                    format!("is '{said}', but the address is that of '{name}'"),
                ));
            }
        }
        if has_attachment { publish(&root, name).map(Self::Publish) } else { update(&root).map(Self::Update) }
    }
}

impl PublishDocument {
    /// Holds the announced length against the real one.
    ///
    /// # Errors
    /// A refusal if they differ.
    pub fn check_length(&self, size: u64) -> Result<(), Refusal> {
        match self.length {
            Some(length) if length != size => Err(Refusal::new(
                "_attachments.length",
                format!("is {length}, but the tarball has {size} bytes"),
            )),
            _ => Ok(()),
        }
    }
}

fn publish(root: &Root<'_>, name: &str) -> Result<PublishDocument, Refusal> {
    #[derive(Deserialize)]
    struct Attachment {
        #[serde(default)]
        length: Option<u64>,
    }
    let missing = |what: &'static str| Refusal::new(what, "must be there");
    let attachments: BTreeMap<String, Attachment> = field(
        root.attachments.ok_or_else(|| missing("_attachments"))?,
        "_attachments",
        "an object of attachments",
    )?;
    let (file_name, attachment) = only(attachments, "_attachments", "one tarball")?;
    let versions: BTreeMap<String, &RawValue> = borrowed(
        root.versions.ok_or_else(|| missing("versions"))?,
        "versions",
        "an object of version objects",
    )?;
    let (version, object) = only(versions, "versions", "the one version that is published")?;
    let tags: BTreeMap<String, String> = match root.tags {
        Some(tags) => field(tags, "dist-tags", "an object of tags and versions")?,
        None => BTreeMap::new(),
    };
    if let Some((tag, other)) = tags.iter().find(|(_, target)| **target != version) {
        let rule = format!("'{tag}' points at '{other}', but the version that is published is '{version}'");
        return Err(Refusal::new("dist-tags", rule));
    }
    let offer = Offer {
        name: Some(name.to_owned()),
        document: Some(version_object(object, root.readme, name, &version)?),
        version: Some(version),
        file_name: Some(file_name),
        tags: tags.into_keys().collect(),
    };
    Ok(PublishDocument { offer, length: attachment.length })
}

/// The version object, with the README that may stand beside it.
fn version_object(
    object: &RawValue,
    readme: Option<&RawValue>,
    name: &str,
    version: &str,
) -> Result<Bytes, Refusal> {
    if object.get().len() as u64 > super::package_json::LIMIT {
        return Err(Refusal::new(
            "versions",
            format!("must have at most {} bytes", super::package_json::LIMIT),
        ));
    }
    let mut object: Map<String, Value> = field(object, "versions", "an object of version objects")?;
    for (key, expected) in [("name", name), ("version", version)] {
        match object.get(key).and_then(Value::as_str) {
            Some(said) if said == expected => {}
            _ => {
                return Err(Refusal::new(
                    format!("versions['{version}'].{key}"),
                    format!("must be '{expected}'"),
                ));
            }
        }
    }
    if let Some(readme) = readme.filter(|_| !object.contains_key("readme"))
        && let Ok(Value::String(text)) = serde_json::from_str(readme.get())
    {
        object.insert("readme".into(), text.into());
    }
    Ok(super::fragment::json(&object).0)
}

fn update(root: &Root<'_>) -> Result<UpdateDocument, Refusal> {
    #[derive(Deserialize)]
    struct OneVersion {
        #[serde(default)]
        deprecated: Option<Value>,
    }
    let versions: Option<BTreeMap<String, OneVersion>> =
        root.versions.map(|raw| field(raw, "versions", "an object of version objects")).transpose()?;
    let long = |value: &OneVersion| matches!(&value.deprecated, Some(Value::String(text)) if text.len() > REASON_LIMIT);
    if let Some((key, _)) = versions.iter().flatten().find(|(_, version)| long(version)) {
        let rule = format!("must have at most {REASON_LIMIT} bytes");
        return Err(Refusal::new(format!("versions['{key}'].deprecated"), rule));
    }
    let reason = |version: OneVersion| match version.deprecated {
        Some(Value::String(reason)) if !reason.is_empty() => Some(reason),
        Some(Value::Bool(true)) => Some(String::new()),
        _ => None,
    };
    Ok(UpdateDocument {
        versions: versions.map(|all| all.into_iter().map(|(key, version)| (key, reason(version))).collect()),
        tags: root.tags.map(|raw| field(raw, "dist-tags", "an object of tags and versions")).transpose()?,
        rev: root.rev.map(|raw| field(raw, "_rev", "a text")).transpose()?,
        people: root.maintainers.is_some() || root.users.is_some(),
    })
}

fn only<T>(all: BTreeMap<String, T>, what: &'static str, which: &str) -> Result<(String, T), Refusal> {
    let count = all.len();
    let mut all = all.into_iter();
    match (all.next(), count) {
        (Some(one), 1) => Ok(one),
        _ => Err(Refusal::new(what, format!("must hold {which} and nothing else, but holds {count}"))),
    }
}

fn field<T: DeserializeOwned>(raw: &RawValue, what: &'static str, expected: &str) -> Result<T, Refusal> {
    serde_json::from_str(raw.get())
        .map_err(|error| Refusal::new(what, format!("must be {expected}: {error}")))
}

fn borrowed<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    what: &'static str,
    expected: &str,
) -> Result<T, Refusal> {
    serde_json::from_str(raw.get())
        .map_err(|error| Refusal::new(what, format!("must be {expected}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(document: &Value, has_attachment: bool) -> Result<PutDocument, Refusal> {
        PutDocument::parse(&serde_json::to_vec(document).unwrap(), "a", has_attachment)
    }

    fn sent() -> Value {
        json!({
            "_id": "a", "name": "a", "readme": "hello", "dist-tags": {"next": "1.0.0"},
            "versions": {"1.0.0": {"name": "a", "version": "1.0.0"}},
            "_attachments": {"a-1.0.0.tgz": {"content_type": "x", "data": "", "length": 3}},
        })
    }

    #[test]
    fn a_publish_becomes_an_offer() {
        let PutDocument::Publish(publish) = parse(&sent(), true).unwrap() else { panic!("no publish") };
        assert_eq!(publish.offer.version.as_deref(), Some("1.0.0"));
        assert_eq!(publish.offer.tags, ["next"]);
        assert_eq!(
            publish.offer.document.as_deref(),
            Some(&br#"{"name":"a","version":"1.0.0","readme":"hello"}"#[..])
        );
        assert!(publish.check_length(3).is_ok() && publish.check_length(4).is_err());
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_field() {
        for (pointer, value, field) in [
            ("/name", json!("b"), "name"),
            ("/name", json!(1), "name"),
            ("/versions", json!({}), "versions"),
            ("/versions", json!([1]), "versions"),
            ("/versions", json!({"1.0.0": {}, "2.0.0": {}}), "versions"),
            ("/versions/1.0.0", json!({"name": "b", "version": "1.0.0"}), "versions['1.0.0'].name"),
            ("/versions/1.0.0", json!({"name": "a", "version": "1.0"}), "versions['1.0.0'].version"),
            (
                "/versions/1.0.0",
                json!({"name": "a", "version": "1.0.0", "x": "y".repeat(1 << 20)}),
                "versions",
            ),
            ("/dist-tags", json!({"next": "2.0.0"}), "dist-tags"),
            ("/dist-tags", json!({"next": 1}), "dist-tags"),
            ("/_attachments", json!({"a": {}, "b": {}}), "_attachments"),
            ("/_attachments/a-1.0.0.tgz", json!("x"), "_attachments"),
        ] {
            let mut document = sent();
            *document.pointer_mut(pointer).unwrap() = value;
            assert_eq!(parse(&document, true).unwrap_err().field, field, "{document}");
        }
        assert_eq!(PutDocument::parse(b"{", "a", false).unwrap_err().field, "publish document");
    }

    #[test]
    fn an_update_says_what_is_deprecated_and_what_is_left() {
        let document = json!({
            "name": "a", "dist-tags": {"latest": "1.0.0"}, "_attachments": {},
            "versions": {"1.0.0": {"deprecated": ""}, "2.0.0": {"deprecated": "old", "x": [1]}, "3.0.0": {"deprecated": true}},
        });
        let PutDocument::Update(update) = parse(&document, false).unwrap() else { panic!("no update") };
        let versions: Vec<_> = update.versions.unwrap().into_values().collect();
        assert_eq!(versions, [None, Some("old".to_owned()), Some(String::new())]);
        assert!(!update.people);
        let long = json!({"versions": {"1.0.0": {"deprecated": "x".repeat(4097)}}});
        assert_eq!(parse(&long, false).unwrap_err().field, "versions['1.0.0'].deprecated");
        let PutDocument::Update(owners) = parse(&json!({"_id": "a", "maintainers": []}), false).unwrap()
        else {
            panic!()
        };
        assert!(owners.people && owners.versions.is_none());
    }
}
