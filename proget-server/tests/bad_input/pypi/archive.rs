//! Wheels and source distributions as bytes.

use super::{files, metadata, publish, publish_sdist, wheel};
use crate::bytes::{cut, gzip, gzip_of_zeros, spoilt, without_last};
use crate::row::{Kind, Row, Section};
use crate::tar::Tar;
use crate::zip::{ZipFile, zip};

const NO_ZIP: &str = "archive: cannot be read as a zip file";

fn good() -> Vec<u8> {
    wheel("widget", "1.0.0")
}

fn sdist() -> Tar {
    Tar::default().file("widget-1.0.0/PKG-INFO", metadata("widget", "1.0.0"))
}

/// A good wheel and one file more.
fn with(more: impl Fn() -> ZipFile) -> Vec<u8> {
    let mut files = files("widget", "1.0.0");
    files.push(more());
    zip(&files)
}

/// A good wheel with some bytes at its end changed: counted from the beginning of the end record.
fn end(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = good();
    let start = bytes.len() - 22;
    change(&mut bytes[start..]);
    bytes
}

pub(crate) fn rows() -> Vec<Row> {
    [wheels(), sdists()].into_iter().flatten().collect()
}

fn wheels() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Wheels as bytes");
    s.row("a wheel of no bytes", publish(Vec::new), 400, NO_ZIP);
    s.row("a wheel cut off in its first file", publish(|| cut(good(), 40)), 400, NO_ZIP);
    s.row("a wheel cut off in its directory", publish(|| without_last(good(), 60)), 400, NO_ZIP);
    s.row("a wheel cut off in its last record", publish(|| without_last(good(), 5)), 400, NO_ZIP);
    s.row(
        "a wheel without its beginning",
        publish(|| good()[10..].to_vec()),
        400,
        "archive: has data between its directory and its end, or before its beginning",
    );
    s.row(
        "bytes before the archive",
        publish(|| [b"#!/bin/sh\n".to_vec(), good()].concat()),
        400,
        "archive: has data between its directory and its end, or before its beginning",
    );
    s.row(
        "bytes behind the archive",
        publish(|| [good(), b"trailer".to_vec()].concat()),
        400,
        "archive: has data behind its end",
    );
    s.row(
        "two archives, one behind the other",
        publish(|| [good(), good()].concat()),
        400,
        "archive: has data between its directory and its end, or before its beginning",
    );
    s.row("a tar archive called a wheel", publish(|| sdist().tgz()), 400, NO_ZIP);
    s.row("a text called a wheel", publish(|| b"hello".to_vec()), 400, NO_ZIP);
    s.row("an archive without files", publish(|| zip(&[])), 400, "wheel: must have a file *.dist-info/WHEEL");
    s.row(
        "an end that speaks of more files than there are",
        publish(|| {
            end(|end| {
                end[8] = 9;
                end[10] = 9;
            })
        }),
        400,
        "archive: has a directory of more than 67108864 bytes, or a broken one",
    );
    s.row(
        "an end that speaks of fewer files than there are",
        publish(|| {
            end(|end| {
                end[8] = 2;
                end[10] = 2;
            })
        }),
        400,
        "local file header missing from central directory",
    );
    s.row(
        "an end that speaks of another disk",
        publish(|| end(|end| end[4] = 1)),
        400,
        "archive: must not be in several parts",
    );
    s.row(
        "a directory that is said to begin elsewhere",
        publish(|| end(|end| end[16] ^= 1)),
        400,
        "archive: has data between its directory and its end",
    );
    s.row(
        "a directory that is said to be 4 GiB long",
        publish(|| end(|end| end[12..16].fill(0xff))),
        400,
        "archive: has a directory of more than 67108864 bytes",
    );
    s.row(
        "a wrong checksum",
        publish(|| with(|| ZipFile::new("widget/a", "abc").but(|file| file.crc ^= 1))),
        400,
        "archive: cannot be read as a zip file: Invalid checksum",
    );
    s.row(
        "a wrong bit in the compressed bytes",
        publish(|| with(|| ZipFile::new("widget/a", "abc".repeat(50)).spoilt())),
        400,
        "archive: cannot be read as a zip file: Invalid checksum",
    );
    s.row(
        "a file smaller than it is said to be",
        publish(|| with(|| ZipFile::new("widget/a", "abc").but(|file| file.size = 9))),
        400,
        "archive: 'widget/a' has not the size that the archive says",
    );
    s.row(
        "a file larger than it is said to be",
        publish(|| with(|| ZipFile::new("widget/a", "abcdef").but(|file| file.size = 3))),
        400,
        "archive: cannot be read as a zip file: File is larger than its declared uncompressed size",
    );
    s.row(
        "an encrypted file",
        publish(|| with(|| ZipFile::new("widget/a", "abc").but(|file| file.flags = 1))),
        400,
        "archive: cannot be read as a zip file: unsupported Zip archive: Password required to decrypt file",
    );
    s.row(
        "a compression that no installer knows",
        publish(|| with(|| ZipFile::new("widget/a", "abc").but(|file| file.method = 99))),
        400,
        "archive: has a file that is encrypted, or compressed in another way than deflate",
    );
    s.row(
        "a file with another name before it than in the directory",
        publish(|| {
            with(|| ZipFile::new("widget/a", "abc").but(|file| file.name_before = Some(b"widget/b".to_vec())))
        }),
        400,
        "archive: cannot be read as a zip file: invalid Zip archive: header inconsistency detected: Local file header filename mismatch (does not match central",
    );
    s.row(
        "a bomb: 100 MiB of zeros in 100 KiB",
        publish(|| with(|| ZipFile::new("widget/zeros", vec![0; 100 << 20]))),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a bomb: 40 files of 2 MiB in 80 KiB",
        publish(|| {
            let zeros = ZipFile::new("", vec![0; 2 << 20]);
            let mut files = files("widget", "1.0.0");
            files.extend(
                (0..40).map(|at| zeros.clone().but(|file| file.name = format!("widget/{at}").into_bytes())),
            );
            zip(&files)
        }),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a bomb: folders 65 deep",
        publish(|| with(|| ZipFile::new(format!("{}a", "d/".repeat(65)), ""))),
        400,
        "lies more than 64 folders deep",
    );
    s.row(
        "a wheel within a wheel, the inner one being good",
        publish(|| zip(&[ZipFile::new("widget-1.0.0-py3-none-any.whl", good())])),
        400,
        "wheel: must have a file *.dist-info/WHEEL",
    );
    s.rows
}

fn sdists() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Source distributions as bytes");
    s.row(
        "an sdist of no bytes",
        publish_sdist(Vec::new),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "an sdist cut off",
        publish_sdist(|| without_last(sdist().tgz(), 12)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: incomplete deflate stream",
    );
    s.row("an sdist with a wrong checksum", publish_sdist(|| spoilt(sdist().tgz(), 7)), 400, "archive: cannot be read as a gzip-compressed tar file: corrupt gzip stream does not have a matching checksum");
    s.row(
        "a wheel called an sdist",
        publish_sdist(good),
        400,
        "archive: cannot be read as a gzip-compressed tar file: invalid gzip header",
    );
    s.row(
        "an sdist compressed twice",
        publish_sdist(|| gzip(&sdist().tgz())),
        400,
        "archive: cannot be read as a gzip-compressed tar file: failed to read entire block",
    );
    s.row(
        "a bomb behind the archive's end",
        publish_sdist(|| gzip_of_zeros(&sdist().end(), 80 << 20, &[])),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a path that climbs out",
        publish_sdist(|| sdist().file("widget-1.0.0/../../evil", "").tgz()),
        400,
        "leads out of the archive",
    );
    s.row(
        "a link that climbs out",
        publish_sdist(|| sdist().entry("widget-1.0.0/a", b'2', "../../evil", "").tgz()),
        400,
        "the link 'widget-1.0.0/a' leads out of the archive",
    );
    s.row(
        "a device",
        publish_sdist(|| sdist().entry("widget-1.0.0/dev", b'4', "", "").tgz()),
        400,
        "is neither file nor folder nor link (type '4')",
    );
    s.row(
        "two folders at the top",
        publish_sdist(|| sdist().file("other/a", "").tgz()),
        400,
        "sdist: must have one folder at its top, not several",
    );
    s.row(
        "a file at the top",
        publish_sdist(|| sdist().file("setup.py", "").tgz()),
        400,
        "sdist: must have all its files in one folder",
    );
    s.row(
        "no PKG-INFO",
        publish_sdist(|| Tar::default().file("widget-1.0.0/setup.py", "").tgz()),
        400,
        "sdist: must have a file PKG-INFO in its top folder",
    );
    s.row(
        "two PKG-INFO",
        publish_sdist(|| sdist().file("widget-1.0.0/PKG-INFO", metadata("other", "1")).tgz()),
        400,
        "sdist: must have PKG-INFO once, as a file",
    );
    s.row(
        "a PKG-INFO in other letters beside it",
        publish_sdist(|| sdist().file("widget-1.0.0/pkg-info", metadata("gadget", "1.0.0")).tgz()),
        400,
        "sdist: must have PKG-INFO once, as a file",
    );
    s.row(
        "a PKG-INFO that is a link",
        publish_sdist(|| Tar::default().entry("widget-1.0.0/PKG-INFO", b'2', "a", "").tgz()),
        400,
        "sdist: must have PKG-INFO once, as a file",
    );
    s.row(
        "a PKG-INFO of another project",
        publish_sdist(|| Tar::default().file("widget-1.0.0/PKG-INFO", metadata("gadget", "1.0.0")).tgz()),
        400,
        "name: is 'widget' in the form, but 'gadget' in the file",
    );
    s.row(
        "a PKG-INFO of more than 1 MiB",
        publish_sdist(|| Tar::default().file("widget-1.0.0/PKG-INFO", "x".repeat((1 << 20) + 1)).tgz()),
        400,
        "archive: has a file about the package of more than 1048576 bytes",
    );
    s.rows
}
