//! Packages as their formats inspect them.
//!
//! What is accepted has a name, a version and a file name that are accepted again, short texts for
//! lists, and is the same when it is looked at a second time.

use super::Verdict;
use super::archive::gzip;
use ::zip::CompressionMethod;
use ::zip::write::SimpleFileOptions;
use bytes::Bytes;
use proget_core::package::{Manifest, Offer};
use proget_core::{Artifact, FeedFormat, Refusal};
use std::io::{Cursor, Write as _};

fn of_format(format: &dyn FeedFormat, bytes: &[u8], offer: &Offer) -> Verdict {
    let artifact = Artifact::in_memory(bytes.to_vec(), format.digests());
    let look = || format.inspect(&mut Cursor::new(bytes), &artifact, offer);
    let (first, second) = (look().map(seen), look().map(seen));
    assert_eq!(first, second, "looked at twice, seen differently");
    match look() {
        Ok(manifest) => check(format, &manifest),
        Err(refusal) => told(&refusal),
    }
}

/// Everything of a manifest that a catalogue stores.
fn seen(manifest: Manifest) -> impl PartialEq + std::fmt::Debug {
    let fragments =
        [manifest.version_fragment, manifest.file_fragment, manifest.detail, manifest.file_detail];
    let names = (manifest.name, manifest.version, manifest.file);
    (names, fragments, manifest.summary, manifest.keywords, manifest.tags)
}

fn check(format: &dyn FeedFormat, manifest: &Manifest) -> Verdict {
    assert_eq!(format.name(manifest.name.as_str()).as_ref(), Ok(&manifest.name));
    assert_eq!(format.version(manifest.version.as_str()).as_ref(), Ok(&manifest.version));
    let line = |text: &str| text.len() <= 1024 && !text.chars().any(char::is_control);
    assert!(line(&manifest.summary), "no line for a list: {:?}", manifest.summary);
    assert!(manifest.keywords.iter().all(|word| word.len() <= 255 && !word.is_empty()));
    assert!(!manifest.file.as_str().contains('/'), "{:?}", manifest.file);
    Verdict::Accepted
}

fn told(refusal: &Refusal) -> Verdict {
    assert!(!refusal.field.is_empty() && !refusal.rule.is_empty(), "{refusal:?}");
    assert!(refusal.to_string().len() < 16 << 10, "a refusal that nobody reads to its end");
    Verdict::Refused
}

/// Texts between zero bytes; what is not there is empty.
fn texts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut texts = data.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// A tar file of these files, compressed; none if a path is none.
fn tgz(files: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, *content).ok()?;
    }
    Some(gzip(&builder.into_inner().ok()?))
}

/// A zip file of these files, not compressed; none if a path is none.
fn zip(files: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, content) in files {
        writer.start_file(*path, stored).ok()?;
        writer.write_all(content).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

/// A tarball as it is (`z`), a tar file (`t`), or `package.json`, the offered version object and a README.
pub(super) fn npm(data: &[u8]) -> Verdict {
    let npm = &proget_feeds::npm::NPM;
    match data.split_first() {
        None => Verdict::Refused,
        Some((b'z', bytes)) => of_format(npm, bytes, &Offer::default()),
        Some((b't', bytes)) => of_format(npm, &gzip(bytes), &Offer::default()),
        Some((_, rest)) => {
            let [package_json, object, readme] = texts(rest);
            let files = [("package/package.json", package_json), ("package/README.md", readme)];
            let Some(bytes) = tgz(&files) else { return Verdict::Refused };
            let document = (!object.is_empty()).then(|| Bytes::copy_from_slice(object));
            of_format(npm, &bytes, &Offer { document, ..Offer::default() })
        }
    }
}

/// After a first text, the file's name: a wheel as it is (`z`), a tar file (`t`), the texts of an sdist (`s`)
/// or of a wheel; of the texts the last is the upload form.
pub(super) fn pypi(data: &[u8]) -> Verdict {
    let Some((mode, rest)) = data.split_first() else { return Verdict::Refused };
    let [file_name, rest] = texts(rest);
    let Ok(file_name) = std::str::from_utf8(file_name) else { return Verdict::Refused };
    let stem = |count| file_name.split('-').take(count).collect::<Vec<_>>().join("-");
    let (bytes, form) = match mode {
        b'z' => (Some(rest.to_vec()), &b""[..]),
        b't' => (Some(gzip(rest)), &b""[..]),
        b's' => {
            let [pkg_info, form] = texts(rest);
            let folder = file_name.trim_end_matches(".zip").trim_end_matches(".tar.gz");
            let path = format!("{folder}/PKG-INFO");
            let files = [(path.as_str(), pkg_info)];
            (if file_name.ends_with(".zip") { zip(&files) } else { tgz(&files) }, form)
        }
        _ => {
            let [metadata, wheel, form] = texts(rest);
            let [one, other, record] =
                ["METADATA", "WHEEL", "RECORD"].map(|name| format!("{}.dist-info/{name}", stem(2)));
            (zip(&[(&one, metadata), (&other, wheel), (&record, b"RECORD,,")]), form)
        }
    };
    let Some(bytes) = bytes else { return Verdict::Refused };
    let offer = Offer {
        file_name: Some(file_name.to_owned()).filter(|name| !name.is_empty()),
        document: (!form.is_empty()).then(|| Bytes::copy_from_slice(form)),
        ..Offer::default()
    };
    of_format(&proget_feeds::pypi::PYPI, &bytes, &offer)
}

/// A crate as it is (`z`), a tar file (`t`), or the folder's name, `Cargo.toml`, a README and the
/// publish document.
pub(super) fn cargo(data: &[u8]) -> Verdict {
    let cargo = &proget_feeds::cargo::CARGO;
    match data.split_first() {
        None => Verdict::Refused,
        Some((b'z', bytes)) => of_format(cargo, bytes, &Offer::default()),
        Some((b't', bytes)) => of_format(cargo, &gzip(bytes), &Offer::default()),
        Some((_, rest)) => {
            let [folder, manifest, readme, document] = texts(rest);
            let folder = String::from_utf8_lossy(folder);
            let [one, other] = ["Cargo.toml", "README.md"].map(|name| format!("{folder}/{name}"));
            let Some(bytes) = tgz(&[(&one, manifest), (&other, readme)]) else { return Verdict::Refused };
            let document = (!document.is_empty()).then(|| Bytes::copy_from_slice(document));
            of_format(cargo, &bytes, &Offer { document, ..Offer::default() })
        }
    }
}
