//! `Cargo.toml` as cargo writes it into crates, and as it must not be.

use super::*;

const NORMALISED: &str = r#"
[package]
edition = "2021"
rust-version = "1.70"
name = "a"
version = "1.0.0+linux"
authors = ["Ann <ann@example.org>"]
build = "build.rs"
links = "native"
description = "about a"
readme = "README.md"
keywords = ["k"]
license = "MIT"

[lib]
name = "a"
path = "src/lib.rs"

[dependencies.plain]
version = "1"

[dependencies.alias]
version = "=2.0.0"
features = ["std"]
optional = true
default-features = false
registry-index = "sparse+http://elsewhere/index/"
package = "real"

[dev-dependencies]
short = "0.1"

[build-dependencies.cc]
version = "1.0"

[features]
default = ["x"]
x = ["dep:alias"]

[target.'cfg(unix)'.dependencies.libc]
version = "0.2"

[lints.rust]
unsafe_code = "forbid"
"#;

fn refused(text: &str, because: &str) {
    let refusal = parse(text.as_bytes()).unwrap_err().to_string();
    assert!(refusal.contains(because), "{refusal} does not say {because:?}");
}

#[test]
fn dependencies_of_all_kinds_and_targets_are_read() {
    let read = parse(NORMALISED.as_bytes()).unwrap();
    let shown: Vec<String> = read
        .dependencies
        .iter()
        .map(|one| {
            let target = one.target.as_deref().unwrap_or("-");
            format!("{} {} {:?} {target}", one.name, one.req, one.kind)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "alias =2.0.0 Normal -",
            "plain ^1 Normal -",
            "short ^0.1 Dev -",
            "cc ^1.0 Build -",
            "libc ^0.2 Normal cfg(unix)"
        ]
    );
    let alias = &read.dependencies[0];
    assert_eq!(
        (alias.package.as_deref(), alias.registry.as_deref()),
        (Some("real"), Some("sparse+http://elsewhere/index/"))
    );
    assert!(alias.optional && !alias.default_features && alias.features == ["std"]);
    assert_eq!(read.dependencies[1].registry.as_deref(), Some(PUBLIC_REGISTRY));
}

#[test]
fn what_the_package_says_of_itself_is_read() {
    let read = parse(NORMALISED.as_bytes()).unwrap();
    assert_eq!((read.name.as_str(), read.version.as_str()), ("a", "1.0.0+linux"));
    assert_eq!((read.links.as_deref(), read.rust_version.as_deref()), (Some("native"), Some("1.70")));
    assert_eq!(read.readme, Readme::File("README.md".into()));
    assert_eq!(read.features["x"], ["dep:alias"]);
    assert_eq!((read.about.license.as_deref(), read.about.keywords.len()), (Some("MIT"), 1));
}

#[test]
fn what_is_not_normalised_is_refused_with_what_to_do() {
    let with = |line: &str| format!("[package]\nname = \"a\"\nversion = \"1.0.0\"\n{line}\n");
    refused("[package]\nname = \"a\"\nversion.workspace = true", "inherited from a workspace");
    refused(&with("[dependencies]\nb.workspace = true\n[dependencies.c]\nversion = 1"), "must be a text");
    refused(&with("[dependencies.b]\nversion = \"1\"\nregistry = \"mine\""), "only its author's settings");
    refused(&with("[dependencies.b]\nversion = \"1\"\nartifact = \"bin\""), "program");
}

#[test]
fn what_cannot_be_read_is_refused() {
    refused("", "no [package]");
    refused("[workspace]\nmembers = []", "no [package]");
    refused("package = 1", "must be a table");
    refused("[package]\nname = \"a\"", "package.version: must be there");
    refused("[package]\nname = 1\nversion = \"1.0.0\"", "package.name: must be a text");
    refused("[package\n", "cannot be read");
    refused("[package]\nname = \"a\"\nname = \"b\"\nversion = \"1.0.0\"", "cannot be read");
    refused("[package]\nname = \"a\"\nversion = \"1.0.0\"\nkeywords = [1]", "list of texts");
    refused("[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nb = 1", "a text or a table");
    refused(
        "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nb = \"one\"",
        "no version requirement",
    );
    refused("[package]\nname = \"std\"\nversion = \"1.0.0\"", "reserved");
    assert!(parse(b"[package]\nname = \"\xff\"").is_err());
    assert!(parse(&vec![b'\n'; LIMIT as usize + 1]).is_err());
}

#[test]
fn deep_files_are_refused_and_not_followed() {
    for deep in [
        format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("x = {}", "{a=".repeat(10_000)),
    ] {
        refused(&deep, "cannot be read");
    }
    // Dotted keys make tables within tables without brackets.
    let dotted = format!("[{}]\n", vec!["a"; 100_000].join("."));
    assert!(parse(dotted.as_bytes()).is_err());
}
