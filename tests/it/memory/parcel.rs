//! Packages of any size, made in a file without ever being held whole: one file of noise, which
//! nothing can compress, and what their type demands beside it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use proget_core::conformance::Dice;
use proget_tests::{Crate, Outcome, PythonFile, PythonPackage, Registry};
use reqwest::Method;
use sha2::{Digest as _, Sha256, Sha512};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// How the file stands in the body that publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Base64,
}

/// A finished package and how it is sent and fetched.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) file: PathBuf,
    pub(super) size: u64,
    /// In base64, as npm writes it.
    pub(super) sha512: String,
    pub(super) method: Method,
    pub(super) publish: String,
    pub(super) content_type: &'static str,
    /// What stands before the file in the body.
    pub(super) head: Vec<u8>,
    pub(super) encoding: Encoding,
    /// What stands behind it.
    pub(super) tail: Vec<u8>,
    pub(super) download: String,
}

impl Parcel {
    /// The document that npm sends, with the tarball inside.
    pub(super) fn npm(folder: &Path, name: &str, size: u64, feed: &Registry) -> Outcome<Self> {
        let file = folder.join(format!("{name}.tgz"));
        let manifest = serde_json::json!({"name": name, "version": "1.0.0"}).to_string();
        write_tarball(&file, "package", &[("package.json", manifest)], size)?;
        let (size, sha512) = measured(&file)?;
        let download = format!("{}{name}/-/{name}-1.0.0.tgz", feed.url);
        let version = serde_json::json!({
            "name": name, "version": "1.0.0", "_id": format!("{name}@1.0.0"),
            "dist": { "integrity": format!("sha512-{sha512}"), "tarball": download },
        });
        let head = format!(
            "{{\"_id\":\"{name}\",\"name\":\"{name}\",\"dist-tags\":{{\"latest\":\"1.0.0\"}},\"versions\":{{\"1.0.0\":{version}}},\
             \"_attachments\":{{\"{name}-1.0.0.tgz\":{{\"content_type\":\"application/octet-stream\",\"data\":\""
        );
        Ok(Self {
            method: Method::PUT,
            publish: format!("{}{name}", feed.url),
            content_type: "application/json",
            head: head.into_bytes(),
            encoding: Encoding::Base64,
            tail: format!("\",\"length\":{size}}}}}}}").into_bytes(),
            file,
            size,
            sha512,
            download,
        })
    }

    /// The form that twine sends, with a wheel.
    pub(super) fn pypi(folder: &Path, name: &str, size: u64, feed: &Registry) -> Outcome<Self> {
        let small = PythonPackage::new(name, "1.0.0").wheel()?;
        let file = folder.join(&small.name);
        write_wheel(&file, name, size)?;
        let (size, sha512) = measured(&file)?;
        // All that is told of the small one is true of this one, except its digest.
        let mut form = small.form;
        form.retain(|(field, _)| field != "sha256_digest");
        let (head, tail) = PythonFile { name: small.name.clone(), bytes: Vec::new(), form }.ends();
        Ok(Self {
            method: Method::POST,
            publish: format!("{}legacy", feed.url),
            content_type: PythonFile::CONTENT_TYPE,
            head: head.into_bytes(),
            encoding: Encoding::Plain,
            tail: tail.into_bytes(),
            file,
            size,
            sha512,
            download: format!("{}packages/{name}/{}", feed.url, small.name),
        })
    }

    /// The frame that cargo sends.
    pub(super) fn cargo(folder: &Path, name: &str, size: u64, feed: &Registry) -> Outcome<Self> {
        let file = folder.join(format!("{name}.crate"));
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
             description = \"of the kit\"\nlicense = \"MIT\"\n"
        );
        let files = [("Cargo.toml", manifest), ("src/lib.rs", String::new())];
        write_tarball(&file, &format!("{name}-1.0.0"), &files, size)?;
        let (size, sha512) = measured(&file)?;
        Ok(Self {
            method: Method::PUT,
            publish: format!("{}api/v1/crates/new", feed.url),
            content_type: "application/octet-stream",
            head: Crate::new(name, "1.0.0").frame(u32::try_from(size)?)?,
            encoding: Encoding::Plain,
            tail: Vec::new(),
            file,
            size,
            sha512,
            download: format!("{}api/v1/crates/{name}/1.0.0/download", feed.url),
        })
    }
}

/// Random bytes without end, always the same.
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

fn noise(size: u64) -> impl Read {
    BufReader::with_capacity(1 << 20, Noise(Dice::seeded(size)).take(size))
}

fn write_tarball(path: &Path, top: &str, files: &[(&str, String)], size: u64) -> Outcome {
    let gzip = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::none());
    let mut archive = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    for (name, text) in files {
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, format!("{top}/{name}"), text.as_bytes())?;
    }
    header.set_size(size);
    archive.append_data(&mut header, format!("{top}/noise"), noise(size))?;
    archive.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn write_wheel(path: &Path, name: &str, size: u64) -> Outcome {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path)?));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("noise", options)?;
    let mut digest = Sha256::new();
    let mut from = noise(size);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            length => {
                digest.update(&buffer[..length]);
                archive.write_all(&buffer[..length])?;
            }
        }
    }
    let mut record = format!("noise,sha256={},{size}\n", URL_SAFE_NO_PAD.encode(digest.finalize()));
    let folder = format!("{name}-1.0.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n");
    let wheel = "Wheel-Version: 1.0\nGenerator: kit\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned();
    for (file, text) in [("METADATA", metadata), ("WHEEL", wheel)] {
        archive.start_file(format!("{folder}/{file}"), options)?;
        archive.write_all(text.as_bytes())?;
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&text));
        record += &format!("{folder}/{file},sha256={digest},{}\n", text.len());
    }
    record += &format!("{folder}/RECORD,,\n");
    archive.start_file(format!("{folder}/RECORD"), options)?;
    archive.write_all(record.as_bytes())?;
    archive.finish()?.flush()?;
    Ok(())
}

/// The size of a file and its digest.
fn measured(path: &Path) -> Outcome<(u64, String)> {
    let mut digest = Sha512::new();
    let mut file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((file.metadata()?.len(), STANDARD.encode(digest.finalize()))),
            length => digest.update(&buffer[..length]),
        }
    }
}
