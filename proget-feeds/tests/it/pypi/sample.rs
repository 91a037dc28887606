//! Wheels, sdists and upload forms as the clients make them.

use crate::bench::{Answer, Bench, Caller};
use flate2::{Compression, write::GzEncoder};
use poem::http::{Method, header};
use proget_core::artifact::Artifact;
use proget_core::digest::{DigestSet, Digests};
use std::io::{Cursor, Write as _};
use zip::write::{SimpleFileOptions, ZipWriter};

/// What metadata says of `name` and `version`, with `more` lines.
pub(crate) fn metadata(name: &str, version: &str, more: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\nThe *description*.\n")
}

/// A zip archive of these files.
pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        writer.start_file(*path, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A gzip-compressed tar archive of these files.
pub(crate) fn tgz_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// A wheel for all Pythons, and its file name.
pub(crate) fn wheel(name: &str, version: &str, more: &str) -> (String, Vec<u8>) {
    let stem = format!("{}-{version}", name.replace(['-', '.'], "_"));
    let bytes = zip_of(&[
        (&format!("{}/__init__.py", name.replace('-', "_")), b"print('hello')\n"),
        (&format!("{stem}.dist-info/METADATA"), metadata(name, version, more).as_bytes()),
        (
            &format!("{stem}.dist-info/WHEEL"),
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        (&format!("{stem}.dist-info/RECORD"), b"__init__.py,,\n"),
    ]);
    (format!("{stem}-py3-none-any.whl"), bytes)
}

/// An sdist, and its file name.
pub(crate) fn sdist(name: &str, version: &str, more: &str) -> (String, Vec<u8>) {
    let stem = format!("{}-{version}", name.replace(['-', '.'], "_"));
    let bytes = tgz_of(&[
        (&format!("{stem}/PKG-INFO"), metadata(name, version, more).as_bytes()),
        (&format!("{stem}/pyproject.toml"), b"[project]\n"),
        (&format!("{stem}/src/{stem}.egg-info/PKG-INFO"), b"not read"),
    ]);
    (format!("{stem}.tar.gz"), bytes)
}

/// An artifact of these bytes, as an upload would have measured it.
pub(crate) fn artifact(bytes: &[u8]) -> Artifact {
    Artifact::in_memory(bytes.to_vec(), digest_set())
}

fn digest_set() -> DigestSet {
    DigestSet { md5: true, blake2b: true, ..DigestSet::default() }
}

/// The fields that twine sends for a file.
pub(crate) fn fields(name: &str, version: &str, file: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let digests = Digests::of(bytes, digest_set());
    let filetype = if file.ends_with(".whl") { "bdist_wheel" } else { "sdist" };
    [
        ("name", name.to_owned()),
        ("version", version.to_owned()),
        ("filetype", filetype.to_owned()),
        ("metadata_version", "2.1".to_owned()),
        ("classifiers", "One :: A".to_owned()),
        ("classifiers", "Two :: B".to_owned()),
        ("description", "a long text".to_owned()),
        ("md5_digest", digests.md5.unwrap().to_string()),
        ("sha256_digest", digests.sha256.to_string()),
        ("blake2_256_digest", digests.blake2b.unwrap().to_string()),
        (":action", "file_upload".to_owned()),
        ("protocol_version", "1".to_owned()),
    ]
    .map(|(field, value)| (field.to_owned(), value))
    .to_vec()
}

pub(crate) const BOUNDARY: &str = "4f6a1e0c2b";

/// A form of text fields and, if one is given, a file.
pub(crate) fn form(fields: &[(String, String)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if let Some((name, bytes)) = file {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub(crate) fn multipart() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// Sends a form as it is.
pub(crate) async fn send(bench: &Bench, caller: Caller, body: Vec<u8>) -> Answer {
    bench.send(caller, Method::POST, "legacy/", &[(header::CONTENT_TYPE, &multipart())], body).await
}

/// Uploads a file with the fields that belong to it.
pub(crate) async fn upload(
    bench: &Bench,
    name: &str,
    version: &str,
    (file, bytes): &(String, Vec<u8>),
) -> Answer {
    let fields = fields(name, version, file, bytes);
    send(bench, Caller::Publisher, form(&fields, Some((file, bytes)))).await
}

/// Publishes a wheel of a version.
pub(crate) async fn publish(bench: &Bench, name: &str, version: &str) -> (String, Vec<u8>) {
    let wheel = wheel(name, version, "");
    upload(bench, name, version, &wheel).await.expect(200);
    wheel
}
