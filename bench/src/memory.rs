//! Memory at rest, and while a huge package passes.

use std::io::{self, Read as _, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_tests::Outcome;
use sha2::{Digest as _, Sha512};

use crate::door::{Door, Upload};
use crate::formats::{Kind, noise};
use crate::machine;
use crate::node::Node;
use crate::report::{Plain, Report};

const MIB: f64 = 1024.0;

/// A multiple of three, so that the base64 of the pieces is the base64 of the whole.
const PIECE: usize = 3 << 16;

/// How long a server rests before its memory is looked at.
const REST: Duration = Duration::from_secs(5);

/// Idle memory, and the growth while a package of `mib` MiB goes in and out.
pub(crate) async fn measure(mib: usize, report: &mut Report) -> Outcome {
    let mut tell = |what: &str, kib: u64, at_most: f64, remark: String| -> Outcome {
        let value = kib as f64 / MIB;
        let load = machine::load()?;
        report.tell(Plain {
            what: what.to_owned(),
            value,
            unit: "MiB",
            load,
            at_most: Some(at_most),
            remark,
        });
        Ok(())
    };
    for (on, node) in [("SQLite", Node::alone().await?), ("PostgreSQL", Node::on_postgres().await?)] {
        let id = node.process.id()?;
        tokio::time::sleep(REST).await;
        tell(
            &format!("idle, {on}"),
            machine::memory_of(id, "VmRSS")?,
            48.0,
            "resident, 5 s after the start".into(),
        )?;
        if node.postgres.is_some() {
            continue;
        }
        let door = node.feed(Kind::Npm, "memory").await?.read;
        // What the first request of all needs is no matter of size.
        pass(&node, &door, "first", 1).await?;
        let (up, down, took) = pass(&node, &door, "huge", mib).await?;
        let size = format!("{mib} MiB");
        tell(
            &format!("growth while {size} are uploaded"),
            up,
            32.0,
            format!("npm, as base64 in JSON; {:.1} s", took.0),
        )?;
        tell(&format!("growth while {size} are downloaded"), down, 32.0, format!("{:.2} s", took.1))?;
    }
    Ok(())
}

/// Publishes and downloads a package; by how many KiB the server grew at most, and the seconds.
async fn pass(node: &Node, door: &Door, name: &str, mib: usize) -> Outcome<(u64, u64, (f64, f64))> {
    let id = node.process.id()?;
    let (sender, name) = (door.clone(), name.to_owned());
    let get = door.clone();
    let below = format!("{name}/-/{name}-1.0.0.tgz");
    let (up, took_up) = growth(id, move || publish(&sender, &name, mib)).await?;
    let (down, took_down) = growth(id, move || download(&get, &below, mib << 20)).await?;
    Ok((up, down, (took_up, took_down)))
}

async fn growth(id: u32, work: impl FnOnce() -> Outcome + Send + 'static) -> Outcome<(u64, f64)> {
    // "5" sets the high-water mark back to the present level.
    std::fs::write(format!("/proc/{id}/clear_refs"), "5")?;
    let before = machine::memory_of(id, "VmRSS")?;
    let started = Instant::now();
    tokio::task::spawn_blocking(work).await??;
    let took = started.elapsed().as_secs_f64();
    Ok((machine::memory_of(id, "VmHWM")?.saturating_sub(before), took))
}

/// The document that npm would send, made twice alike: once to know its length and digest, once to
/// be sent. Nothing of it is kept.
fn publish(door: &Door, name: &str, mib: usize) -> Outcome {
    let mut measured = Measured::default();
    tarball(&mut measured, name, mib)?;
    let integrity = format!("sha512-{}", STANDARD.encode(measured.digest.finalize()));
    let head = format!(
        "{{\"_id\":\"{name}\",\"name\":\"{name}\",\"dist-tags\":{{\"latest\":\"1.0.0\"}},\"versions\":{{\"1.0.0\":\
         {{\"name\":\"{name}\",\"version\":\"1.0.0\",\"dist\":{{\"integrity\":\"{integrity}\",\"tarball\":\"x\"}}}}}},\
         \"_attachments\":{{\"{name}-1.0.0.tgz\":{{\"content_type\":\"application/octet-stream\",\"data\":\""
    );
    let tail = format!("\",\"length\":{}}}}}}}", measured.length);
    let length = (head.len() + tail.len()) as u64 + measured.length.div_ceil(3) * 4;
    let upload =
        Upload { method: "PUT", below: name.into(), content_type: "application/json", body: Vec::new() };
    let mut stream = TcpStream::connect(door.address()?)?;
    stream.write_all(&door.head(&upload, length)?)?;
    stream.write_all(head.as_bytes())?;
    let mut base64 = Base64 { stream, held: Vec::with_capacity(2 * PIECE) };
    tarball(&mut base64, name, mib)?;
    let mut stream = base64.finish()?;
    stream.write_all(tail.as_bytes())?;
    let mut answer = [0; 1000];
    let many = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer[..many]);
    ensure!(answer.starts_with("HTTP/1.1 201"), "publishing {mib} MiB was answered with {answer}");
    Ok(())
}

fn download(door: &Door, below: &str, at_least: usize) -> Outcome {
    let request = door.get(below)?;
    let mut head =
        format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", door.path(below)?, door.address()?);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(door.address()?)?;
    stream.write_all((head + "\r\n").as_bytes())?;
    let (mut buffer, mut received) = (vec![0; 1 << 16], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            many => received += many,
        }
    }
    ensure!(received > at_least, "only {received} bytes came back");
    Ok(())
}

/// A gzipped tar with one file of so many MiB of noise: stored blocks, so that making it is no work.
fn tarball(to: &mut impl Write, name: &str, mib: usize) -> Outcome {
    let gzip = flate2::write::GzEncoder::new(to, flate2::Compression::none());
    let mut archive = tar::Builder::new(gzip);
    let manifest = format!("{{\"name\":\"{name}\",\"version\":\"1.0.0\"}}");
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(manifest.len() as u64);
    archive.append_data(&mut header, "package/package.json", manifest.as_bytes())?;
    // The same MiB over and over, and a name that no other package has.
    let piece = noise(&mut proget_core::conformance::Dice::seeded(name.len() as u64), 1 << 20);
    header.set_size((mib as u64) << 20);
    archive.append_data(
        &mut header,
        "package/noise.bin",
        Repeated { piece: &piece, at: 0, left: mib << 20 },
    )?;
    archive.into_inner()?.finish()?;
    Ok(())
}

/// A piece over and over.
struct Repeated<'a> {
    piece: &'a [u8],
    at: usize,
    left: usize,
}

impl io::Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.piece[self.at..];
        let many = rest.len().min(buffer.len()).min(self.left);
        buffer[..many].copy_from_slice(&rest[..many]);
        self.at = (self.at + many) % self.piece.len();
        self.left -= many;
        Ok(many)
    }
}

#[derive(Default)]
struct Measured {
    digest: Sha512,
    length: u64,
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends what is written to it as base64.
struct Base64 {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Base64 {
    fn finish(mut self) -> io::Result<TcpStream> {
        self.stream.write_all(STANDARD.encode(&self.held).as_bytes())?;
        Ok(self.stream)
    }
}

impl Write for Base64 {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            let whole = self.held.len() / 3 * 3;
            self.stream.write_all(STANDARD.encode(&self.held[..whole]).as_bytes())?;
            self.held.drain(..whole);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tarball_made_twice_is_the_same_and_has_its_size() -> Outcome {
        let (mut first, mut second) = (Measured::default(), Measured::default());
        tarball(&mut first, "x", 3)?;
        tarball(&mut second, "x", 3)?;
        assert!(first.length > 3 << 20);
        assert_eq!((first.length, first.digest.finalize()), (second.length, second.digest.finalize()));
        Ok(())
    }

    #[test]
    fn base64_in_pieces_is_the_base64_of_the_whole() -> Outcome {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let reader = std::thread::spawn(move || -> io::Result<String> {
            let mut text = String::new();
            listener.accept()?.0.read_to_string(&mut text)?;
            Ok(text)
        });
        let mut base64 = Base64 { stream, held: Vec::new() };
        let bytes = noise(&mut proget_core::conformance::Dice::seeded(1), 2 * PIECE + 1);
        for part in bytes.chunks(1000) {
            base64.write_all(part)?;
        }
        drop(base64.finish()?);
        let Ok(text) = reader.join() else { anyhow::bail!("the reader panicked") };
        assert!(text? == STANDARD.encode(&bytes));
        Ok(())
    }
}
