//! The server that rows are tried on: a feed of each type with one package in it, callers with
//! different rights, and a picture of everything it keeps.

use crate::request::Request;
use crate::row::Traces;
use crate::wire::{self, Received};
use crate::{bytes, cargo, pypi};
use proget_core::access::{FeedRight, FeedScope, Permissions, Rights};
use proget_core::conformance::{Shows, picture};
use proget_server::TestServer;
use proget_server::http::{Limits, Timeouts};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of a body on a route that takes packages, small enough to be exceeded in a test.
pub(crate) const UPLOAD_LIMIT: u64 = 32 << 20;

/// The texts of keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) admin: String,
    pub(crate) reader: String,
    pub(crate) neighbour: String,
}

/// How long clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as a busy machine may need.
    Usual,
    /// Short enough to wait for.
    Short,
}

pub(crate) struct Stage {
    server: TestServer,
    pub(crate) keys: Keys,
    address: String,
}

impl Stage {
    pub(crate) async fn set(patience: Patience) -> Self {
        let server = TestServer::start_with(move |builder| {
            let limits = Limits { upload: UPLOAD_LIMIT, body_rate: 1 << 20, ..Limits::default() };
            let short = Duration::from_millis(400);
            let timeouts = match patience {
                Patience::Usual => Timeouts::default(),
                Patience::Short => Timeouts {
                    first_byte: short,
                    header: short,
                    body_chunk: short,
                    idle: short,
                    ..Timeouts::default()
                },
            };
            builder.limits(limits).timeouts(timeouts)
        });
        let server = server.await.unwrap();
        let mut rights = Rights::default();
        for (name, feed_type) in [("js", "npm"), ("py", "pypi"), ("rust", "cargo")] {
            let feed = server.create_feed(name, feed_type).await.unwrap();
            let may = Permissions { view: true, ..Permissions::default() };
            rights.feeds.push(FeedRight { scope: FeedScope::One(feed.id), may });
        }
        let other = server.create_feed("other", "npm").await.unwrap();
        let everything = Permissions { view: true, add: true, promote: true, delete: true };
        let keys = Keys {
            admin: server.admin_key().to_owned(),
            reader: server.system_key(rights).await.unwrap(),
            neighbour: server.feed_key(&other, everything).await.unwrap(),
        };
        let address = server.url().trim_start_matches("http://").to_owned();
        let stage = Self { server, keys, address };
        stage.furnish().await;
        stage
    }

    /// Publishes what rows find there already.
    async fn furnish(&self) {
        for package in [bytes::npm_taken(), pypi::taken(), cargo::taken()] {
            let answer = self.send(&package).await;
            assert!(matches!(answer.status, Some(200 | 201)), "{package:?}: {answer:?}");
        }
    }

    /// Sends a request over a connection of its own.
    pub(crate) async fn send(&self, request: &Request) -> Received {
        let bytes = request.bytes(&self.keys);
        wire::exchange(&self.address, &bytes, request.ending, &self.scratch()).await
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.server.folder().join("packages")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.packages().join("scratch")
    }

    /// Everything that is kept, as one text: every row of the catalogue, every file of the store
    /// and of the staging folder with its size.
    pub(crate) async fn picture(&self, traces: Traces) -> String {
        let shows = match traces {
            Traces::None => Shows::Everything,
            Traces::Renewal => Shows::WhatIsPortable,
        };
        let catalog = picture(self.server.registry().fresh().read(), shows).await;
        let mut picture: Vec<String> = catalog.lines().map(str::to_owned).collect();
        if traces == Traces::Renewal {
            // A publish of bytes that are there already reserves them again.
            picture.iter_mut().for_each(|line| *line = line.replace("reserved: true", "reserved: false"));
        }
        picture.extend(files_below(&self.packages()));
        picture.join("\n")
    }
}

/// Every file below a folder, with its size; without the beacons, of which a server leaves a new one
/// every quarter of a minute.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        // Uploads come and go while one looks.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => open.push(entry.path()),
                Ok(about) if is_beacon(&entry.path(), about.len()) => {}
                Ok(about) => found.push(format!("file {} {}", entry.path().display(), about.len())),
                Err(_) => {}
            }
        }
    }
    found.sort();
    found
}

/// Does this file tell who is there, and nothing else? One that has gone since it was seen did.
fn is_beacon(file: &Path, size: u64) -> bool {
    size < 100
        && std::fs::read(file).map_or_else(
            |error| error.kind() == std::io::ErrorKind::NotFound,
            |text| text.starts_with(b"proget node "),
        )
}
