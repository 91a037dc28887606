//! A huge package of each feed type goes in and out of the real program, and its resident memory
//! hardly moves.
//!
//! 256 MiB in the ordinary run; `tests/memory.sh` takes 1 GiB (`PROGET_TEST_MIB`). The size makes
//! no difference to what is shown: either is many times the allowance.

mod parcel;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, ProgetProcess, Registry, ServerSetup};
use sha2::{Digest as _, Sha512};

use parcel::{Encoding, Parcel};

/// By how much the resident memory may grow while a package of any size passes.
const ALLOWANCE_KIB: u64 = 32 << 10;

/// A multiple of three, so that the base64 of the pieces is the base64 of the whole.
const PIECE: usize = 3 << 15;

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_package_passes_in_constant_memory() -> Outcome {
    passes("npm", Parcel::npm).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_wheel_passes_in_constant_memory() -> Outcome {
    passes("pypi", Parcel::pypi).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_crate_passes_in_constant_memory() -> Outcome {
    passes("cargo", Parcel::cargo).await
}

/// Makes a package of a name and of a size in a folder, for a feed.
type Make = fn(&Path, &str, u64, &Registry) -> Outcome<Parcel>;

async fn passes(kind: &str, make: Make) -> Outcome {
    let mib: u64 = match std::env::var("PROGET_TEST_MIB") {
        Ok(text) => text.parse().context("PROGET_TEST_MIB is no number")?,
        Err(_) => 256,
    };
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed(kind, "internal").await?;
    let folder = tempfile::tempdir()?;
    // What the first request of all needs is no matter of size.
    publish(&server, &make(folder.path(), "small", 1000, &feed)?).await?;
    let (path, here) = (folder.path().to_owned(), feed.clone());
    let made = tokio::task::spawn_blocking(move || make(&path, "huge", mib << 20, &here));
    let huge = made.await??;
    let what = format!("publishing to a feed for {kind}");
    let grown = growth(&server, &what, huge.size, publish(&server, &huge)).await?;
    ensure!(grown <= ALLOWANCE_KIB, "publishing took {grown} KiB, {ALLOWANCE_KIB} are allowed");
    let what = format!("downloading from a feed for {kind}");
    let grown = growth(&server, &what, huge.size, download(&server, &huge)).await?;
    ensure!(grown <= ALLOWANCE_KIB, "downloading took {grown} KiB, {ALLOWANCE_KIB} are allowed");
    Ok(())
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
        "{what}: {} MiB took {:.1} s; resident before {before} KiB, at most {peak} KiB, after {after} KiB: grown by {grown} KiB",
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

/// Sends the body that the type's own client would send, piece by piece.
async fn publish(server: &ProgetProcess, parcel: &Parcel) -> Outcome {
    let file = File::open(&parcel.file)?;
    let encoding = parcel.encoding;
    let pieces = futures::stream::try_unfold(file, move |mut file| async move {
        let (file, piece) = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
            Ok::<_, std::io::Error>((file, piece))
        })
        .await
        .map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>((!piece.is_empty()).then(|| {
            let sent = match encoding {
                Encoding::Plain => piece,
                Encoding::Base64 => STANDARD.encode(piece).into_bytes(),
            };
            (sent, file)
        }))
    });
    let length = parcel.head.len() as u64
        + match encoding {
            Encoding::Plain => parcel.size,
            Encoding::Base64 => parcel.size.div_ceil(3) * 4,
        }
        + parcel.tail.len() as u64;
    let ends = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        futures::stream::once(async { Ok(bytes) })
    };
    let body = ends(&parcel.head).chain(pieces).chain(ends(&parcel.tail));
    let request = server.http().request(parcel.method.clone(), &parcel.publish).bearer_auth(ADMIN_KEY);
    let request = request.header("content-type", parcel.content_type).header("content-length", length);
    let answer = request.body(reqwest::Body::wrap_stream(body)).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success() && !text.contains("\"errors\""), "answered {status}: {text}");
    Ok(())
}

async fn download(server: &ProgetProcess, parcel: &Parcel) -> Outcome {
    let get = server.http().get(&parcel.download).bearer_auth(ADMIN_KEY);
    let mut body = get.send().await?.error_for_status()?.bytes_stream();
    let mut digest = Sha512::new();
    while let Some(piece) = body.next().await {
        digest.update(&piece?);
    }
    ensure!(STANDARD.encode(digest.finalize()) == parcel.sha512, "other bytes came back");
    Ok(())
}
