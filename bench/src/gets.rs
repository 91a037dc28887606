//! Documents and files: what is asked for, and the same of everybody.

use proget_tests::Outcome;

use crate::compare::{self, Pace, Unit, Who, Work};
use crate::formats::{Kind, cargo, npm, pypi};
use crate::report::{Compared, Report, Table, Wanted};
use crate::scene::{Feeds, Scene, Stock, WithPeer};

/// One thing to be asked for.
struct Case<'a> {
    /// Its short name, which `--only` takes a part of.
    name: &'static str,
    /// What the table says; its size is added.
    what: &'static str,
    kind: Kind,
    feeds: &'a Feeds,
    /// Its path below our feeds.
    below: String,
    /// Sent by everybody who asks.
    headers: &'static [(&'static str, &'static str)],
    connections: usize,
    unit: Unit,
    /// Its path at the peer.
    at_peer: Option<String>,
    wanted: Vec<Wanted>,
}

const GZIP: &[(&str, &str)] = &[("Accept-Encoding", "gzip")];
const DOCUMENT_CONNECTIONS: usize = 32;
/// Few, because each of so large a file has megabytes under way.
const LARGE_CONNECTIONS: usize = 4;

/// At least as fast as nginx, whatever the database.
fn as_nginx() -> Vec<Wanted> {
    [Who::Alone, Who::Postgres].map(|ours| Wanted { ours, against: Who::Nginx, times: 1.0 }).into()
}

fn as_nginx_and(peer: &'static str, times: f64) -> Vec<Wanted> {
    let mut wanted = as_nginx();
    wanted.push(Wanted { ours: Who::Alone, against: Who::Peer(peer), times });
    wanted
}

/// Measures all whose name contains `only`.
pub(crate) async fn measure(scene: &mut Scene, pace: Pace, only: &str, report: &mut Report) -> Outcome {
    let npm = scene.feeds(Kind::Npm, "npm").await?;
    let pypi = scene.feeds(Kind::Pypi, "pypi").await?;
    let cargo = scene.feeds(Kind::Cargo, "cargo").await?;
    let document = |name, what, kind, feeds, below: String| Case {
        name,
        what,
        kind,
        feeds,
        below,
        headers: &[],
        connections: DOCUMENT_CONNECTIONS,
        unit: Unit::Requests,
        at_peer: None,
        wanted: as_nginx(),
    };
    let small = Stock { name: "small", versions: 6, payload: 1024 };
    let large = Stock { name: "large", versions: 300, payload: 1024 };
    let wheels = Stock { name: "measured", versions: 20, payload: 64 << 10 };
    let crates = Stock { name: "measured", versions: 20, payload: 64 << 10 };
    let one = Stock { name: "one", versions: 1, payload: 1 << 20 };
    let huge = Stock { name: "huge", versions: 1, payload: 64 << 20 };

    let wants = |names: &[&str]| names.iter().any(|name| name.contains(only));
    let mut cases = Vec::new();
    if wants(&["packument-4k", "packument-4k-gzip"]) {
        scene.stock(Kind::Npm, &npm, small, WithPeer::Yes).await?;
        cases.push(Case {
            at_peer: Some("small".into()),
            wanted: as_nginx_and("Verdaccio", 20.0),
            ..document("packument-4k", "packument", Kind::Npm, &npm, "small".into())
        });
        cases.push(Case {
            headers: GZIP,
            ..document("packument-4k-gzip", "the same for who takes gzip", Kind::Npm, &npm, "small".into())
        });
    }
    if wants(&["packument-200k", "packument-200k-gzip"]) {
        scene.stock(Kind::Npm, &npm, large, WithPeer::Yes).await?;
        cases.push(Case {
            at_peer: Some("large".into()),
            wanted: as_nginx_and("Verdaccio", 20.0),
            ..document("packument-200k", "packument", Kind::Npm, &npm, "large".into())
        });
        cases.push(Case {
            headers: GZIP,
            ..document("packument-200k-gzip", "the same for who takes gzip", Kind::Npm, &npm, "large".into())
        });
    }
    if wants(&["simple", "wheel"]) {
        scene.stock(Kind::Pypi, &pypi, wheels, WithPeer::Yes).await?;
        let file = pypi::file_name("measured", "1.0.0");
        let page = String::from_utf8(pypi.alone.read.fetch("simple/measured/", &[]).await?)?;
        let link = format!("simple/measured/{}", pypi::link_to(&page, &file)?);
        let at_peer = Some("simple/measured/".into());
        cases.push(Case {
            at_peer,
            ..document("simple", "simple page, 20 wheels", Kind::Pypi, &pypi, "simple/measured/".into())
        });
        cases.push(Case {
            at_peer: Some(format!("packages/{file}")),
            unit: Unit::Mebibytes,
            ..document("wheel", "wheel", Kind::Pypi, &pypi, link)
        });
    }
    if wants(&["sparse", "sparse-gzip"]) {
        scene.stock(Kind::Cargo, &cargo, crates, WithPeer::No).await?;
        let entry = cargo::entry("measured");
        cases.push(document("sparse", "sparse index entry, 20 versions", Kind::Cargo, &cargo, entry.clone()));
        cases.push(Case {
            headers: GZIP,
            ..document("sparse-gzip", "the same for who takes gzip", Kind::Cargo, &cargo, entry)
        });
    }
    if wants(&["tarball-1m"]) {
        scene.stock(Kind::Npm, &npm, one, WithPeer::Yes).await?;
        cases.push(Case {
            unit: Unit::Mebibytes,
            at_peer: Some(npm::tarball("one", "1.0.0")),
            ..document("tarball-1m", "tarball", Kind::Npm, &npm, npm::tarball("one", "1.0.0"))
        });
    }
    if wants(&["tarball-64m"]) {
        scene.stock(Kind::Npm, &npm, huge, WithPeer::No).await?;
        cases.push(Case {
            unit: Unit::Mebibytes,
            connections: LARGE_CONNECTIONS,
            ..document(
                "tarball-64m",
                "tarball, 4 connections",
                Kind::Npm,
                &npm,
                npm::tarball("huge", "1.0.0"),
            )
        });
    }
    for case in cases.into_iter().filter(|case| case.name.contains(only)) {
        report.compare(one_case(scene, pace, case).await?);
    }
    Ok(())
}

async fn one_case(scene: &Scene, pace: Pace, case: Case<'_>) -> Outcome<Compared> {
    let bytes = case.feeds.alone.read.fetch(&case.below, case.headers).await?;
    let packed = bytes.starts_with(&[0x1f, 0x8b]) && !case.headers.is_empty();
    // nginx sends what is packed already only if what is not packed is there too.
    scene.statics.put(case.name, &bytes)?;
    if packed {
        scene.statics.put(&format!("{}.gz", case.name), &bytes)?;
    }
    let get = |door: &crate::door::Door, below: &str| {
        let request = door.get(below)?;
        let headers = case.headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, *value));
        Ok::<_, anyhow::Error>(Work::Get(request, case.connections))
    };
    let (alone, postgres) = (&case.feeds.alone.read, &case.feeds.postgres.read);
    let mut all = vec![
        scene.contender(Who::Alone, get(alone, &case.below)?)?,
        scene.contender(Who::Nginx, get(&scene.statics.door, case.name)?)?,
        scene.contender(Who::Postgres, get(postgres, &case.below)?)?,
    ];
    if let (Some(below), Some((name, peer))) = (&case.at_peer, scene.peer(case.kind)) {
        all.push(scene.contender(Who::Peer(name), get(&peer.door, below)?)?);
    }
    let all = compare::rounds(pace, case.unit, &all).await?;
    let table = if case.unit == Unit::Requests { Table::Documents } else { Table::Files };
    let not_packed = if case.headers.is_empty() || packed { "" } else { ", which we do not pack" };
    let what = format!("{}: {}{not_packed}", case.what, size(bytes.len()));
    Ok(Compared { table, what, all, wanted: case.wanted })
}

fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        10_000..1_000_000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
