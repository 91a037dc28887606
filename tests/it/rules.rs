//! The rules of the house that a program can check: who may know whom, what every crate carries,
//! and what no file may contain.
//!
//! The graph is asked of cargo itself, so a dependency that comes in through another one is found
//! as well as one that stands in a manifest.

mod compatibility;
mod feed_types;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use proget_tests::Outcome;
use serde_json::Value;

/// What a crate must never see, however many steps away. Tests and their tools are not counted.
const NEVER: &[(&str, &[&str])] = &[
    (
        "proget-core",
        &["poem", "sea-orm", "sqlx", "object_store", "tokio", "hyper", "reqwest", "mio", "socket2"],
    ),
    ("proget-core", &["proget-feeds", "proget-storage", "proget-cluster", "proget-server"]),
    ("proget-feeds", &["sea-orm", "sqlx", "object_store"]),
    ("proget-feeds", &["proget-storage", "proget-cluster", "proget-server"]),
    // It speaks HTTP to buckets, as a client; what answers requests is none of its business.
    ("proget-storage", &["poem", "proget-feeds", "proget-cluster", "proget-server"]),
    ("proget-cluster", &["poem", "proget-feeds", "proget-storage", "proget-server"]),
    // One implementation of cryptography for TLS is enough, and this one takes a minute to build.
    ("proget-server", &["aws-lc-sys", "aws-lc-rs", "openssl-sys"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run(program: &str, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments:?} ended with {}: {error}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Cargo's description of the workspace: packages by id, and the ids each needs to be built.
struct Graph {
    names: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
    members: Vec<Value>,
}

impl Graph {
    fn read() -> Outcome<Self> {
        let text = run(env!("CARGO"), &["metadata", "--format-version", "1", "--locked"])?;
        let metadata: Value = serde_json::from_str(&text)?;
        let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text_of).collect();
        let packages = list(&metadata["packages"]);
        let names =
            packages.iter().map(|package| (text_of(&package["id"]), text_of(&package["name"]))).collect();
        let mut needs = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let wanted = list(&node["deps"]).into_iter().filter(|dependency| {
                let kinds = list(&dependency["dep_kinds"]);
                kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev"))
            });
            needs
                .insert(text_of(&node["id"]), wanted.map(|dependency| text_of(&dependency["pkg"])).collect());
        }
        let members =
            packages.into_iter().filter(|package| members.contains(&text_of(&package["id"]))).collect();
        Ok(Self { names, needs, members })
    }

    /// For everything that `name` needs, the way that leads there.
    fn ways(&self, name: &str) -> Outcome<BTreeMap<String, Vec<String>>> {
        let start = self.names.iter().find(|(_, known)| *known == name);
        let (start, _) = start.with_context(|| format!("there is no package {name}"))?;
        let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut open = vec![(start.clone(), vec![name.to_owned()])];
        let mut seen = BTreeSet::new();
        while let Some((id, way)) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            for next in self.needs.get(&id).into_iter().flatten() {
                let known = &self.names[next];
                let longer = [way.clone(), vec![known.clone()]].concat();
                ways.entry(known.clone()).or_insert_with(|| longer.clone());
                open.push((next.clone(), longer));
            }
        }
        Ok(ways)
    }
}

#[test]
fn no_crate_sees_what_it_must_not_see() -> Outcome {
    let graph = Graph::read()?;
    let mut complaints = Vec::new();
    for (name, forbidden) in NEVER {
        for (seen, way) in graph.ways(name)? {
            // `sqlx` also stands for `sqlx-core` and the rest of that family.
            if forbidden
                .iter()
                .any(|rule| seen == *rule || seen.starts_with(&format!("{rule}-")) && *rule == "sqlx")
            {
                complaints.push(format!("{name} must not see {seen}: {}", way.join(" -> ")));
            }
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// A table of names that nobody has would be kept for ever; so each name must exist somewhere.
#[test]
fn the_table_of_forbidden_crates_names_real_crates() -> Outcome {
    let graph = Graph::read()?;
    let known: BTreeSet<&str> = graph.names.values().map(String::as_str).collect();
    let banned = ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "sqlx"];
    for (name, forbidden) in NEVER {
        for rule in forbidden.iter().chain([name]).filter(|rule| !banned.contains(rule)) {
            ensure!(known.contains(rule), "no package is called {rule}: was it renamed?");
        }
    }
    Ok(())
}

#[test]
fn only_the_server_the_tests_and_the_examples_know_the_server() -> Outcome {
    let graph = Graph::read()?;
    for member in &graph.members {
        let name = member["name"].as_str().unwrap_or_default();
        if !["proget-server", "proget-tests", "proget-examples", "proget-bench"].contains(&name) {
            let way = graph.ways(name)?.remove("proget-server");
            ensure!(way.is_none(), "{name} must not see proget-server: {way:?}");
        }
    }
    Ok(())
}

#[test]
fn the_pure_half_of_the_feeds_builds_without_the_web() -> Outcome {
    let alone = ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-default-features"];
    let tree = run(env!("CARGO"), &[&alone[..], &["-p", "proget-feeds", "--features", "npm"]].concat())?;
    ensure!(tree.contains("proget-core"), "the tree of proget-feeds does not even name proget-core:\n{tree}");
    let web = tree.lines().find(|line| line.starts_with("poem ") || line.starts_with("hyper "));
    ensure!(web.is_none(), "proget-feeds without the feature http still needs {web:?}");
    Ok(())
}

#[test]
fn every_crate_inherits_the_lints_and_the_lints_forbid_unsafe_code() -> Outcome {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml"))?;
    ensure!(workspace.contains("unsafe_code = \"forbid\""), "the lint table no longer forbids unsafe code");
    for member in Graph::read()?.members {
        let path = member["manifest_path"].as_str().unwrap_or_default();
        let manifest = std::fs::read_to_string(path)?;
        ensure!(manifest.contains("[lints]\nworkspace = true"), "{path} does not inherit the lints");
    }
    Ok(())
}

/// The files that belong to the project, by their paths below its root.
fn files() -> Outcome<Vec<String>> {
    let listed = run("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let files: Vec<String> =
        listed.lines().filter(|file| root().join(file).is_file()).map(str::to_owned).collect();
    ensure!(files.iter().any(|file| file == "tests/it/rules.rs"), "git does not list this very file");
    Ok(files)
}

#[test]
fn every_source_file_opens_with_prose() -> Outcome {
    let mut complaints = Vec::new();
    for file in files()?.iter().filter(|file| file.ends_with(".rs")) {
        let text = std::fs::read_to_string(root().join(file))?;
        // A crate whose prose is its README includes that instead.
        if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!") {
            complaints.push(format!("{file} does not open with `//!`"));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// A file may be longer if its opening prose says why, in a sentence with the words "long because".
#[test]
fn no_source_file_is_longer_than_four_hundred_lines_without_a_reason() -> Outcome {
    let mut complaints = Vec::new();
    for file in files()?.iter().filter(|file| file.ends_with(".rs")) {
        let text = std::fs::read_to_string(root().join(file))?;
        let prose = text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join(" ");
        let lines = text.lines().count();
        if lines > 400 && !prose.contains("long because") {
            complaints.push(format!("{file} has {lines} lines"));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// Public registries are somebody else's; nothing here may reach for one by itself.
#[test]
fn no_file_names_the_host_of_a_public_registry() -> Outcome {
    // In two parts, so that this file passes its own test.
    let hosts = [
        ("crates", ".io"),
        ("npm", "js.com"),
        ("npm", "js.org"),
        ("yarn", "pkg.com"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("api.nuget", ".org"),
        ("rubygems", ".org"),
        ("repo.maven.apache", ".org"),
        ("registry-1.docker", ".io"),
    ]
    .map(|(first, second)| [first, second].concat());
    let mut complaints = Vec::new();
    // A lock names the source of every crate; cargo writes it, and must.
    for file in files()?.iter().filter(|file| !file.ends_with("Cargo.lock")) {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            // By the address of this repository, no host of its own, indexes name the public registry.
            let line = line.replace(&["github.com/rust-lang/crates", ".io-index"].concat(), "");
            if let Some(host) = hosts.iter().find(|host| line.contains(*host)) {
                complaints.push(format!("{file}:{} names {host}", number + 1));
            }
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}
