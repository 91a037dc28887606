//! A huge package goes in and out of the real program, and its resident memory hardly moves.
//!
//! 256 MiB in the ordinary run; `tests/memory.sh` takes 1 GiB (`PROGET_TEST_MIB`). The size makes
//! no difference to what is shown: either is many times the allowance.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use futures::StreamExt as _;
use proget_core::conformance::Dice;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, ProgetProcess, Registry, ServerSetup};
use sha2::{Digest as _, Sha512};

/// By how much the resident memory may grow while a package of any size passes.
const ALLOWANCE_KIB: u64 = 32 << 10;

/// A multiple of three, so that the base64 of the pieces is the base64 of the whole.
const PIECE: usize = 3 << 15;

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_package_passes_in_constant_memory() -> Outcome {
    let mib = match std::env::var("PROGET_TEST_MIB") {
        Ok(text) => text.parse().context("PROGET_TEST_MIB is no number")?,
        Err(_) => 256,
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("huge.tgz");
    let made = file.clone();
    let integrity = tokio::task::spawn_blocking(move || make_tarball(&made, mib << 20)).await??;
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    // What the first request of all needs is no matter of size.
    publish(&server, &feed, "small", &small(folder.path())?).await?;

    let size = file.metadata()?.len();
    let huge = Tarball { file, size, integrity };
    let grown = growth(&server, "publishing", size, publish(&server, &feed, "huge", &huge)).await?;
    ensure!(grown <= ALLOWANCE_KIB, "publishing took {grown} KiB, {ALLOWANCE_KIB} are allowed");
    let grown = growth(&server, "downloading", size, download(&server, &feed, &huge)).await?;
    ensure!(grown <= ALLOWANCE_KIB, "downloading took {grown} KiB, {ALLOWANCE_KIB} are allowed");
    Ok(())
}

/// A finished tarball and npm's digest of it.
struct Tarball {
    file: std::path::PathBuf,
    size: u64,
    integrity: String,
}

fn small(folder: &Path) -> Outcome<Tarball> {
    let file = folder.join("small.tgz");
    let integrity = make_tarball(&file, 1000)?;
    Ok(Tarball { size: file.metadata()?.len(), file, integrity })
}

/// How many KiB the resident memory of the server grew at most while `work` ran. Says so.
async fn growth(
    server: &ProgetProcess,
    what: &str,
    size: u64,
    work: impl Future<Output = Outcome>,
) -> Outcome<u64> {
    // "5" sets the high-water mark back to the present level.
    std::fs::write(format!("/proc/{}/clear_refs", server.id()?), "5")?;
    let before = status(server, "VmRSS:")?;
    let started = Instant::now();
    work.await?;
    let (peak, after) = (status(server, "VmHWM:")?, status(server, "VmRSS:")?);
    let grown = peak.saturating_sub(before);
    println!(
        "{what} {} MiB took {:.1} s; resident before {before} KiB, at most {peak} KiB, after {after} KiB: grown by {grown} KiB",
        size >> 20,
        started.elapsed().as_secs_f64(),
    );
    Ok(grown)
}

fn status(server: &ProgetProcess, field: &str) -> Outcome<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.id()?))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("the kernel does not say")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A package with one file of random bytes, which nothing can compress.
fn make_tarball(path: &Path, size: u64) -> Outcome<String> {
    struct Noise(Dice);
    impl Read for Noise {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let mut length = 0;
            for part in buffer.chunks_mut(8) {
                part.copy_from_slice(&self.0.roll().to_le_bytes()[..part.len()]);
                length += part.len();
            }
            Ok(length)
        }
    }
    let name = path.file_stem().and_then(|stem| stem.to_str()).context("a path without a name")?;
    let manifest = serde_json::json!({"name": name, "version": "1.0.0"}).to_string();
    let gzip = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::none());
    let mut archive = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(manifest.len() as u64);
    archive.append_data(&mut header, "package/package.json", manifest.as_bytes())?;
    header.set_size(size);
    let noise = BufReader::with_capacity(1 << 20, Noise(Dice::seeded(size)).take(size));
    archive.append_data(&mut header, "package/noise", noise)?;
    archive.into_inner()?.finish()?.flush()?;
    let mut digest = Sha512::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("sha512-{}", STANDARD.encode(digest.finalize()))),
            length => digest.update(&buffer[..length]),
        }
    }
}

/// Sends the document that npm would send, piece by piece.
async fn publish(server: &ProgetProcess, feed: &Registry, name: &str, tarball: &Tarball) -> Outcome {
    let version = serde_json::json!({
        "name": name, "version": "1.0.0", "_id": format!("{name}@1.0.0"),
        "dist": {
            "integrity": tarball.integrity,
            "tarball": format!("{}{name}/-/{name}-1.0.0.tgz", feed.url),
        },
    });
    let head = format!(
        "{{\"_id\":\"{name}\",\"name\":\"{name}\",\"dist-tags\":{{\"latest\":\"1.0.0\"}},\"versions\":{{\"1.0.0\":{version}}},\
         \"_attachments\":{{\"{name}-1.0.0.tgz\":{{\"content_type\":\"application/octet-stream\",\"data\":\""
    );
    let tail = format!("\",\"length\":{}}}}}}}", tarball.size);
    let length = head.len() as u64 + tarball.size.div_ceil(3) * 4 + tail.len() as u64;
    let file = File::open(&tarball.file)?;
    let pieces = futures::stream::try_unfold(file, |mut file| async move {
        let (file, piece) = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
            Ok::<_, std::io::Error>((file, STANDARD.encode(piece)))
        })
        .await
        .map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>((!piece.is_empty()).then_some((piece, file)))
    });
    let ends = |text: String| futures::stream::once(async { Ok(text) });
    let body = ends(head).chain(pieces).chain(ends(tail));
    let put = server.http().put(format!("{}{name}", feed.url)).bearer_auth(ADMIN_KEY);
    let put = put.header("content-type", "application/json").header("content-length", length);
    let answer = put.body(reqwest::Body::wrap_stream(body)).send().await?;
    ensure!(answer.status() == 201, "answered {}: {}", answer.status(), answer.text().await?);
    Ok(())
}

async fn download(server: &ProgetProcess, feed: &Registry, tarball: &Tarball) -> Outcome {
    let get = server.http().get(format!("{}huge/-/huge-1.0.0.tgz", feed.url)).bearer_auth(ADMIN_KEY);
    let mut body = get.send().await?.error_for_status()?.bytes_stream();
    let mut digest = Sha512::new();
    while let Some(piece) = body.next().await {
        digest.update(&piece?);
    }
    let integrity = format!("sha512-{}", STANDARD.encode(digest.finalize()));
    ensure!(integrity == tarball.integrity, "other bytes came back");
    Ok(())
}
