//! Packages as their formats inspect them.
//!
//! What is accepted has a name, a version and a file name that are accepted again, short texts for
//! lists, and is the same when it is looked at a second time.

use super::Verdict;
use super::archive::gzip;
use bytes::Bytes;
use proget_core::package::{Manifest, Offer};
use proget_core::{Artifact, FeedFormat, Refusal};
use std::io::Cursor;

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

/// A tar file of these files, compressed.
fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, *content).expect("memory takes everything");
    }
    gzip(&builder.into_inner().expect("memory takes everything"))
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
            let bytes = tgz(&[("package/package.json", package_json), ("package/README.md", readme)]);
            let document = (!object.is_empty()).then(|| Bytes::copy_from_slice(object));
            of_format(npm, &bytes, &Offer { document, ..Offer::default() })
        }
    }
}
