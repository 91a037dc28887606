//! `package.json` and the version object that clients make of it.
//!
//! A client that publishes sends the version object ready-made; a tarball that arrives without one
//! (through the management API, from a folder of old packages) has only its `package.json`, and
//! what clients would have done to it is done here.
//! See <https://github.com/npm/cli/blob/latest/docs/lib/content/configuring-npm/package-json.md>.

use super::name;
use proget_core::refusal::Refusal;
use serde_json::{Map, Value, json};

/// Largest `package.json`, and largest version object, in bytes: 1 MiB.
pub(crate) const LIMIT: u64 = 1 << 20;

const SEE: &str = "https://github.com/npm/cli/blob/latest/docs/lib/content/configuring-npm/package-json.md";

/// Members that were made about a package by somebody, not for it by its author.
const KEPT_PRIVATE: [&str; 2] = ["_nodeVersion", "_npmVersion"];

/// Members that are made anew, kept elsewhere or decided after the publish.
const TAKEN_OUT: [&str; 5] = ["dist", "readme", "deprecated", "hasInstallScript", "maintainers"];

/// Reads a `package.json` or version object; `what` names it in refusals.
pub(crate) fn parse(bytes: &[u8], what: &'static str) -> Result<Map<String, Value>, Refusal> {
    if bytes.len() as u64 > LIMIT {
        return Err(Refusal::new(what, format!("must have at most {LIMIT} bytes")));
    }
    // Some editors begin a file with this mark; clients pass over it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Refusal::new(what, "must be a JSON object").see(SEE)),
        Err(error) => Err(Refusal::new(what, format!("must be JSON: {error}")).see(SEE)),
    }
}

/// A member that must be a text.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, key: &'static str) -> Result<&'a str, Refusal> {
    let text = object.get(key).and_then(Value::as_str).map(str::trim);
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::new(key, "must be there and be a text").see(SEE))
}

/// What tarball and version object say, made into what is stored: no private members, no claims
/// about the file, install-relevant members of the right type.
pub(crate) fn cleaned(
    mut object: Map<String, Value>,
    name: &str,
    version: &str,
) -> Result<Map<String, Value>, Refusal> {
    object.retain(|key, _| {
        let private = key.starts_with('_') && !KEPT_PRIVATE.contains(&key.as_str());
        !private && !TAKEN_OUT.contains(&key.as_str())
    });
    for key in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
        let right = object.get(key).is_none_or(|value| match value {
            Value::Object(members) => members.values().all(Value::is_string),
            other => other.is_null(),
        });
        if !right {
            return Err(Refusal::new(key, "must be an object whose values are texts").see(SEE));
        }
        if object.get(key).is_some_and(Value::is_null) {
            object.remove(key);
        }
    }
    object.insert("name".into(), name.into());
    object.insert("version".into(), version.into());
    object.insert("_id".into(), format!("{name}@{version}").into());
    Ok(object)
}

/// What clients do to a `package.json` before they send it as a version object.
pub(crate) fn normalize(object: &mut Map<String, Value>, package: &str) {
    normalize_bin(object, package);
    normalize_bundled(object);
    for (key, wrapped) in [("funding", "url"), ("bugs", "url")] {
        if let Some(Value::String(text)) = object.get(key) {
            let text = text.clone();
            object.insert(key.into(), json!({ wrapped: text }));
        }
    }
    if let Some(Value::String(url)) = object.get("repository") {
        let url = url.clone();
        object.insert("repository".into(), json!({"type": "git", "url": url}));
    }
    if let Some(Value::String(words)) = object.get("keywords") {
        let words: Vec<Value> =
            words.split([',', ' ']).filter(|word| !word.is_empty()).map(Value::from).collect();
        object.insert("keywords".into(), words.into());
    }
    if let Some(author @ Value::String(_)) = object.get_mut("author") {
        *author = person(author.as_str().unwrap_or_default());
    }
    for key in ["contributors", "maintainers"] {
        if let Some(Value::Array(people)) = object.get_mut(key) {
            people.iter_mut().for_each(|one| {
                if let Value::String(text) = one {
                    *one = person(text);
                }
            });
        }
    }
}

/// `bin` becomes an object of command names and paths within the package.
fn normalize_bin(object: &mut Map<String, Value>, package: &str) {
    let pairs: Vec<(String, Value)> = match object.remove("bin") {
        Some(Value::String(path)) => vec![(package.to_owned(), path.into())],
        Some(Value::Array(paths)) => {
            paths.into_iter().filter_map(|path| Some((path.as_str()?.to_owned(), path))).collect()
        }
        Some(Value::Object(members)) => members.into_iter().collect(),
        _ => return,
    };
    let bin: Map<String, Value> = pairs
        .into_iter()
        .filter_map(|(command, path)| {
            let command = inside(&command);
            let command = command.rsplit('/').next().unwrap_or_default();
            let path = inside(path.as_str()?);
            (!command.is_empty() && !path.is_empty()).then(|| (command.to_owned(), path.into()))
        })
        .collect();
    if !bin.is_empty() {
        object.insert("bin".into(), bin.into());
    }
}

/// A path that cannot lead out of its package: `..` stops at the top, as clients do it.
fn inside(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\', ':']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `bundledDependencies` is an old spelling; `true` means all of them.
fn normalize_bundled(object: &mut Map<String, Value>) {
    let old = object.remove("bundledDependencies");
    let Some(bundled) = object.remove("bundleDependencies").or(old) else { return };
    let names = |object: &Map<String, Value>| object.keys().cloned().map(Value::from).collect::<Vec<_>>();
    let bundled = match bundled {
        Value::Bool(true) => {
            object.get("dependencies").and_then(Value::as_object).map(names).unwrap_or_default()
        }
        Value::Object(members) => names(&members),
        Value::Array(list) => list,
        _ => return,
    };
    object.insert("bundleDependencies".into(), bundled.into());
}

/// `Name <mail> (address)` taken apart.
fn person(text: &str) -> Value {
    let between = |open, close| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map(|(inner, _)| inner.trim())
    };
    let name = text.split(['<', '(']).next().unwrap_or_default().trim();
    let mut person = Map::new();
    for (key, value) in [("name", Some(name)), ("email", between('<', '>')), ("url", between('(', ')'))] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            person.insert(key.into(), value.into());
        }
    }
    person.into()
}

/// Does installing the package run something?
pub(crate) fn has_install_script(object: &Map<String, Value>) -> bool {
    let script = |key: &&str| {
        object.get("scripts").and_then(|scripts| scripts.get(*key)).is_some_and(Value::is_string)
    };
    ["preinstall", "install", "postinstall"].iter().any(script)
}

/// A package with a `binding.gyp` is built when it is installed, unless it says otherwise.
pub(crate) fn build_native(object: &mut Map<String, Value>) {
    let said = object.get("gypfile") == Some(&Value::Bool(false));
    let scripts = object.entry("scripts").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(scripts) = scripts else { return };
    if !said && !scripts.contains_key("install") && !scripts.contains_key("preinstall") {
        scripts.insert("install".into(), "node-gyp rebuild".into());
        object.insert("gypfile".into(), true.into());
    }
}

/// The command a package with a single `bin` text gets: its name without the scope.
pub(crate) fn command_of(package: &str) -> &str {
    name::bare(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_package_json_becomes_what_a_client_would_have_sent() {
        let mut package = object(json!({
            "bin": "./cli.js", "bundledDependencies": true, "dependencies": {"a": "1"}, "funding": "u",
            "repository": "github:a/b", "keywords": "x, y", "author": "Ann <a@b.c> (http://x)", "bugs": "http://b",
        }));
        normalize(&mut package, command_of("@acme/tool"));
        let expected = json!({
            "bin": {"tool": "cli.js"}, "bundleDependencies": ["a"], "dependencies": {"a": "1"}, "funding": {"url": "u"},
            "repository": {"type": "git", "url": "github:a/b"}, "keywords": ["x", "y"],
            "author": {"name": "Ann", "email": "a@b.c", "url": "http://x"}, "bugs": {"url": "http://b"},
        });
        assert_eq!(Value::Object(package), expected);
    }

    #[test]
    fn commands_cannot_lead_out_of_their_package() {
        let mut package = object(
            json!({"bin": {"../../sh": "../../etc/x", "b": "C:\\d\\e.js", "c": 1, "": "x", "d": ".."}}),
        );
        normalize(&mut package, "p");
        assert_eq!(package["bin"], json!({"sh": "etc/x", "b": "C/d/e.js"}));
    }

    #[test]
    fn cleaning_takes_out_claims_and_private_members_and_checks_dependencies() {
        let sent = object(json!({
            "name": "x", "_from": "f", "_npmVersion": "10", "dist": {}, "readme": "r", "deprecated": "d", "_id": "wrong",
            "dependencies": null, "main": "i.js",
        }));
        let cleaned = cleaned(sent, "a", "1.0.0").unwrap();
        let expected =
            json!({"name": "a", "_npmVersion": "10", "main": "i.js", "version": "1.0.0", "_id": "a@1.0.0"});
        assert_eq!(Value::Object(cleaned), expected);
        for bad in [json!(["a"]), json!({"a": 1}), json!("a")] {
            let refusal = super::cleaned(object(json!({"peerDependencies": bad})), "a", "1.0.0").unwrap_err();
            assert_eq!(refusal.field, "peerDependencies");
        }
    }

    #[test]
    fn a_binding_gyp_means_an_install_script_unless_the_author_says_otherwise() {
        for (before, runs) in [
            (json!({}), true),
            (json!({"scripts": {"preinstall": "x"}}), true),
            (json!({"gypfile": false}), false),
            (json!({"scripts": {"test": "x"}, "gypfile": false}), false),
        ] {
            let mut package = object(before);
            build_native(&mut package);
            assert_eq!(has_install_script(&package), runs, "{package:?}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        assert!(parse(b"\xef\xbb\xbf{\"a\":1}", "package.json").is_ok());
        for bad in [&b""[..], b"[]", b"{", b"{\"a\":}", b"\xff", &vec![b' '; 2 << 20]] {
            assert_eq!(parse(bad, "package.json").unwrap_err().field, "package.json");
        }
    }
}
