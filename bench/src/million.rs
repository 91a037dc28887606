//! Does a feed of a million versions cost more than one of a thousand? The same requests for the
//! same packages, to two servers that differ in nothing else.
//!
//! Publishing a million packages would take hours. So one package is published as usual, and its rows
//! are then multiplied by `INSERT … SELECT` in the database of the stopped server, with the name
//! replaced wherever it stands. All copies share the blobs of the first, as equal files always do.

use std::collections::BTreeSet;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_core::conformance::Dice;
use proget_tests::{Database, Outcome};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use serde_json::Value;
use sha2::{Digest as _, Sha512};
use std::sync::Arc;

use crate::compare::{self, Contender, Pace, Unit, Who, Work};
use crate::door::Door;
use crate::formats::{Kind, npm};
use crate::node::{self, Feed, Node};
use crate::report::{Compared, Report, Table, Wanted};

/// Versions of each package.
const VERSIONS: usize = 20;
/// Packages in the small feed, and how many of the large one are asked for.
const FEW: usize = 50;
/// The package that is multiplied; the others have its name with another number.
const FIRST: &str = "many-000000";
/// A large feed may cost 1.3 times as much, so it must reach this share.
const SHARE: f64 = 0.77;

/// The path that is asked for, made of the name of a package.
type Below<'a> = &'a dyn Fn(&str) -> String;

/// Measures a feed of so many packages beside the small one, on both databases.
pub(crate) async fn measure(packages: usize, pace: Pace, report: &mut Report) -> Outcome {
    for (on, small, large) in [
        ("SQLite", Node::alone().await?, Node::alone().await?),
        ("PostgreSQL", Node::on_postgres().await?, Node::on_postgres().await?),
    ] {
        let (few, many) = (filled(small, FEW).await?, filled(large, packages).await?);
        measure_on(on, &few, &many, pace, report).await?;
    }
    Ok(())
}

async fn measure_on(on: &str, few: &Filled, many: &Filled, pace: Pace, report: &mut Report) -> Outcome {
    let get = |filled: &Filled, below: Below<'_>| -> Outcome<Work> {
        let door = &filled.feed.read;
        // Spread over the whole feed: what comes first may be found without looking far.
        let names = (1..FEW).map(|number| name(number * filled.packages / FEW));
        let paths = names.map(|name| door.path(&below(&name))).collect::<Outcome<_>>()?;
        Ok(Work::Get(door.get("")?.in_turn(paths), 32))
    };
    let cases: [(&str, Below<'_>); 5] = [
        ("packument", &|name| name.to_owned()),
        ("tarball", &|name| npm::tarball(name, "1.7.0")),
        ("list of a package's versions", &|name| format!("/api/packages/many/versions?name={name}")),
        ("search, a word that all have", &|_| "-/v1/search?text=measured&size=20".into()),
        ("search, a word that one has", &|name| format!("-/v1/search?text={name}&size=20")),
    ];
    for (what, below) in cases {
        let both =
            [few.contender(Who::Small, get(few, below)?)?, many.contender(Who::Large, get(many, below)?)?];
        let all = compare::rounds(pace, Unit::Requests, &both).await?;
        report.compare(row(format!("{what}, {on}"), all));
    }
    let dice = &mut Dice::seeded(3);
    let mut uploads = Vec::new();
    for round in 0..pace.rounds {
        let several = 1500 * usize::try_from(pace.length.as_secs())?;
        let round =
            (0..several).map(|number| npm::upload(&format!("new{round}n{number}"), "1.0.0", 4096, dice));
        uploads.push(round.collect::<Outcome<_>>()?);
    }
    let uploads = Arc::new(uploads);
    let publish = |filled: &Filled| Work::Publish(filled.feed.publish.clone(), Arc::clone(&uploads), 16);
    let both = [few.contender(Who::Small, publish(few))?, many.contender(Who::Large, publish(many))?];
    let all = compare::rounds(pace, Unit::Requests, &both).await?;
    report.compare(row(format!("publish, 16 connections, {on}"), all));
    Ok(())
}

fn row(what: String, all: Vec<(Who, compare::Series)>) -> Compared {
    let wanted = vec![Wanted { ours: Who::Large, against: Who::Small, times: SHARE }];
    Compared { table: Table::Large, what, all, wanted }
}

/// A server whose feed `many` is filled.
struct Filled {
    node: Node,
    feed: Feed,
    packages: usize,
}

impl Filled {
    fn contender(&self, who: Who, work: Work) -> Outcome<Contender> {
        Ok(Contender { who, work, processes: vec![self.node.process.id()?] })
    }
}

async fn filled(mut node: Node, packages: usize) -> Outcome<Filled> {
    let feed = node.feed(Kind::Npm, "many").await?;
    let dice = &mut Dice::seeded(11);
    let versions = (0..VERSIONS).map(|version| npm::upload(FIRST, &format!("1.{version}.0"), 1024, dice));
    node::publish(&feed.publish, &versions.collect::<Outcome<Vec<_>>>()?).await?;
    node.process.stop().await?;
    let database = match &node.database {
        Some(database) => database.clone(),
        None => {
            Database { url: format!("sqlite://{}?mode=rw", node.process.data().join("proget.db").display()) }
        }
    };
    multiply(&database.connect().await?, packages).await?;
    node.process.resume().await?;
    check(&feed.read, packages).await?;
    Ok(Filled { node, feed, packages })
}

fn name(number: usize) -> String {
    format!("many-{number:06}")
}

/// Copies the first package until there are so many.
async fn multiply(database: &DatabaseConnection, packages: usize) -> Outcome {
    let postgres = database.get_database_backend() == DbBackend::Postgres;
    let random = if postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let renamed = |column: &str| {
        if postgres {
            format!("convert_to(replace(convert_from({column}, 'UTF8'), '{FIRST}', q.name), 'UTF8')")
        } else {
            format!("CAST(replace(CAST({column} AS TEXT), '{FIRST}', q.name) AS BLOB)")
        }
    };
    let file_name = if postgres { "f.name COLLATE \"C\"" } else { "f.name" };
    // It begins with the name, and holds zeros, which are no text to PostgreSQL.
    let search_text = if postgres {
        format!("convert_to(q.name, 'UTF8') || substr(v.search_text, {})", FIRST.len() + 1)
    } else {
        renamed("v.search_text")
    };
    // Copies `q` of the first package `p`.
    let copies = format!(
        "packages p JOIN packages q ON q.feed_id = p.feed_id AND q.id <> p.id AND p.name = '{FIRST}'"
    );
    let statements = [
        format!(
            "INSERT INTO packages (feed_id, name, name_key, stamp, created, modified) \
             WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {}) \
             SELECT feed_id, 'many-' || substr(CAST(1000000 + n AS TEXT), 2), \
             'many-' || substr(CAST(1000000 + n AS TEXT), 2), {random}, created, modified \
             FROM packages, numbers WHERE name = '{FIRST}' ORDER BY n",
            packages - 1
        ),
        format!(
            "INSERT INTO versions (package_id, version_key, order_key, prerelease, listed, download, published, \
             version, published_by, deprecated, summary, search_text, fragment, detail) \
             SELECT q.id, v.version_key, v.order_key, v.prerelease, v.listed, v.download, v.published, v.version, \
             v.published_by, v.deprecated, v.summary, {}, {}, {} \
             FROM {copies} JOIN versions v ON v.package_id = p.id ORDER BY q.id, v.id",
            search_text,
            renamed("v.fragment"),
            renamed("v.detail"),
        ),
        format!(
            "INSERT INTO tags (package_id, name, version_id) SELECT q.id, t.name, w.id FROM {copies} \
             JOIN tags t ON t.package_id = p.id JOIN versions v ON v.id = t.version_id \
             JOIN versions w ON w.package_id = q.id AND w.version_key = v.version_key ORDER BY q.id"
        ),
        format!(
            "INSERT INTO files (version_id, package_id, name, blob_id, size, sha256, sha1, sha512, md5, blake2b, \
             published, fragment) \
             SELECT w.id, q.id, replace({file_name}, '{FIRST}', q.name), f.blob_id, f.size, f.sha256, f.sha1, f.sha512, \
             f.md5, f.blake2b, f.published, {} FROM {copies} JOIN files f ON f.package_id = p.id \
             JOIN versions v ON v.id = f.version_id \
             JOIN versions w ON w.package_id = q.id AND w.version_key = v.version_key ORDER BY q.id, f.id",
            renamed("f.fragment"),
        ),
    ];
    // The index on search texts is made from them when the server starts, as for one that is updated.
    let forget = [
        if postgres { "SELECT 1" } else { "DROP TRIGGER search_grams_of_deleted" },
        "DROP TABLE search_grams",
        "DELETE FROM schema_steps WHERE number >= 3",
    ];
    // Nobody answers for these rows yet; the server finds a database as any other.
    let (before, after) = if postgres {
        ("SET synchronous_commit = off", "VACUUM ANALYZE")
    } else {
        ("PRAGMA synchronous = OFF", "PRAGMA wal_checkpoint(TRUNCATE)")
    };
    database.execute_unprepared(before).await?;
    for statement in statements {
        database.execute_unprepared(&statement).await?;
    }
    for statement in forget {
        database.execute_unprepared(statement).await?;
    }
    database.execute_unprepared(after).await?;
    Ok(())
}

/// Copies must read like packages that were published. (`proget verify` would be no help: it reads
/// blobs, of which there are but twenty, and counts the fifty thousand files of each.)
async fn check(door: &Door, packages: usize) -> Outcome {
    for number in [0, 1, packages / 2, packages - 1] {
        let name = name(number);
        let document: Value = serde_json::from_slice(&door.fetch(&name, &[]).await?)?;
        let versions = document["versions"].as_object().map_or(0, serde_json::Map::len);
        ensure!(
            versions == VERSIONS && document["name"] == name.as_str(),
            "{name} is not as published: {document}"
        );
        let own: BTreeSet<&str> = document["versions"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values().filter_map(|version| version["name"].as_str()))
            .collect();
        ensure!(own.iter().eq([&name.as_str()]), "{name} has versions of {own:?}");
        let tarball = door.fetch(&npm::tarball(&name, "1.7.0"), &[]).await?;
        let promised = document["versions"]["1.7.0"]["dist"]["integrity"].as_str().unwrap_or_default();
        let integrity = format!("sha512-{}", STANDARD.encode(Sha512::digest(&tarball)));
        ensure!(integrity == promised, "{name}'s tarball has {integrity}, the packument says {promised}");
    }
    Ok(())
}
