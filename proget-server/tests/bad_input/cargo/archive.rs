//! The crate as bytes, what is in it, and its `Cargo.toml`.

use super::{manifest, publish, tar, tar_saying};
use crate::bytes::{cut, gzip, gzip_of_zeros, nested, spoilt, without_last};
use crate::request::Request;
use crate::row::{Kind, Row, Section};
use crate::tar::Tar;

const OUT: &str = "leads out of the archive";

fn good() -> Tar {
    tar("widget", "1.0.0")
}

fn with(entry: fn(Tar) -> Tar) -> Request {
    publish(move || entry(good()).tgz())
}

/// A crate with this `Cargo.toml`.
fn saying(manifest: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    publish(move || tar_saying("widget-1.0.0", manifest()).tgz())
}

/// The same with these lines behind a good `[package]`.
fn adding(lines: &'static str) -> Request {
    saying(move || (manifest("widget", "1.0.0") + lines).into())
}

pub(crate) fn rows() -> Vec<Row> {
    [archives(), contents(), manifests()].into_iter().flatten().collect()
}

fn archives() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "The crate as bytes");
    s.row(
        "a crate of no bytes",
        publish(Vec::new),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a crate cut off in gzip's header",
        publish(|| cut(good().tgz(), 4)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a crate cut off in its compressed bytes",
        publish(|| without_last(good().tgz(), 30)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: incomplete deflate stream",
    );
    s.row(
        "a wrong bit in the compressed bytes",
        publish(|| spoilt(good().tgz(), 50)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: archive header checksum mismatch",
    );
    s.row("a wrong bit in gzip's checksum", publish(|| spoilt(good().tgz(), 7)), 400, "archive: cannot be read as a gzip-compressed tar file: corrupt gzip stream does not have a matching checksum");
    s.row(
        "a crate that is not compressed",
        publish(|| good().end()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: invalid gzip header",
    );
    s.row(
        "a crate compressed twice",
        publish(|| gzip(&good().tgz())),
        400,
        "archive: cannot be read as a gzip-compressed tar file: failed to read entire block",
    );
    s.row(
        "a text for a crate",
        publish(|| b"hello".to_vec()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a tar header whose checksum is wrong",
        publish(|| good().but(|tar| tar[0] ^= 1).tgz()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: archive header checksum mismatch",
    );
    s.row(
        "data behind the end of the tar archive",
        publish(|| gzip(&[good().end(), b"hidden".to_vec()].concat())),
        400,
        "archive: has data behind its end",
    );
    s.row(
        "a bomb: 300 MiB of zeros in 300 KiB",
        publish(|| {
            gzip_of_zeros(
                &good().header(b"widget-1.0.0/zeros", b'0', "", "02260000000").open(),
                300 << 20,
                &[],
            )
        }),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a bomb: folders 65 deep",
        publish(|| {
            good().pax(b'x', &[("path", &format!("widget-1.0.0/{}a", "d/".repeat(64)))]).file("a", "").tgz()
        }),
        400,
        "lies more than 64 folders deep",
    );
    s.rows
}

fn contents() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "Paths and entries in the crate");
    s.row("a path that climbs out", with(|tar| tar.file("widget-1.0.0/../../evil", "")), 400, OUT);
    s.row("an absolute path", with(|tar| tar.file("/etc/evil", "")), 400, OUT);
    s.row(
        "a path with backslashes",
        with(|tar| tar.file(r"widget-1.0.0\..\evil", "")),
        400,
        "a control character or a backslash",
    );
    s.row(
        "a path with a drive letter",
        with(|tar| tar.file("widget-1.0.0/c:evil", "")),
        400,
        "begins with a drive letter",
    );
    s.row(
        "a symbolic link",
        with(|tar| tar.entry("widget-1.0.0/a", b'2', "src/lib.rs", "")),
        400,
        "crate: has a link, 'widget-1.0.0/a'",
    );
    s.row(
        "a hard link that climbs out",
        with(|tar| tar.entry("widget-1.0.0/a", b'1', "../evil", "")),
        400,
        OUT,
    );
    s.row(
        "a device",
        with(|tar| tar.entry("widget-1.0.0/dev", b'3', "", "")),
        400,
        "is neither file nor folder nor link (type '3')",
    );
    s.row(
        "a second folder",
        with(|tar| tar.file("other/a", "")),
        400,
        "crate: must hold one folder, but has 'other/a' beside 'widget-1.0.0'",
    );
    s.row(
        "a file beside the folder",
        with(|tar| tar.file("Cargo.toml", "")),
        400,
        "crate: must hold one folder",
    );
    s.row(
        "a folder of another version",
        publish(|| tar_saying("widget-2.0.0", manifest("widget", "1.0.0")).tgz()),
        400,
        "crate: has the folder 'widget-2.0.0', but its Cargo.toml makes it 'widget-1.0.0'",
    );
    s.row(
        "no Cargo.toml",
        publish(|| Tar::default().file("widget-1.0.0/src/lib.rs", "").tgz()),
        400,
        "Cargo.toml: must be in the crate's folder",
    );
    s.row(
        "two Cargo.toml",
        with(|tar| tar.file("widget-1.0.0/Cargo.toml", "")),
        400,
        "Cargo.toml: must be in the crate's folder once",
    );
    s.row(
        "a cargo.toml in other letters",
        with(|tar| tar.file("widget-1.0.0/cargo.TOML", "")),
        400,
        "Cargo.toml: must be in the crate's folder once, also in other cases",
    );
    s.rows
}

fn manifests() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "The Cargo.toml in the crate");
    s.row("an empty Cargo.toml", saying(Vec::new), 400, "Cargo.toml: cannot be read: it has no [package]");
    s.row(
        "a Cargo.toml that is none",
        saying(|| b"{}".to_vec()),
        400,
        "Cargo.toml: cannot be read: invalid key-value pair, expected key",
    );
    s.row(
        "a Cargo.toml that is cut off",
        saying(|| b"[package]\nname = \"wid".to_vec()),
        400,
        "Cargo.toml: cannot be read: invalid basic string, expected `\"`",
    );
    s.row(
        "a Cargo.toml in Latin-1",
        saying(|| b"[package]\nname = \"w\xefdget\"".to_vec()),
        400,
        "Cargo.toml: cannot be read: invalid utf-8",
    );
    s.row(
        "a Cargo.toml of more than 1 MiB",
        saying(|| format!("# {}", "x".repeat(1 << 20)).into()),
        400,
        "Cargo.toml: must have at most 1048576 bytes",
    );
    s.row(
        "lists 10,000 deep",
        saying(|| (manifest("widget", "1.0.0") + "x = " + &nested(10_000, "[", "]")).into()),
        400,
        "Cargo.toml: cannot be read: cannot recurse further; max recursion depth met",
    );
    s.row(
        "a key of 10,000 parts",
        saying(|| (manifest("widget", "1.0.0") + "x" + &".x".repeat(10_000) + " = 1").into()),
        400,
        "Cargo.toml: cannot be read: recursion limit",
    );
    s.row("a key twice", adding("name = \"other\"\n"), 400, "Cargo.toml: cannot be read: duplicate key");
    s.row(
        "a number beyond all numbers",
        adding("x = 99999999999999999999\n"),
        400,
        "Cargo.toml: cannot be read: invalid type: integer `99999999999999999999` as i128, expected any valid TOML value",
    );
    s.row(
        "no name",
        saying(|| b"[package]\nversion = \"1.0.0\"\n".to_vec()),
        400,
        "Cargo.toml: package.name: must be there",
    );
    s.row(
        "a version that is a number",
        saying(|| b"[package]\nname = \"widget\"\nversion = 1\n".to_vec()),
        400,
        "Cargo.toml: package.version: must be a text",
    );
    s.row(
        "a version inherited from elsewhere",
        saying(|| b"[package]\nname = \"widget\"\nversion.workspace = true\n".to_vec()),
        400,
        "Cargo.toml: package.version: is inherited from a workspace",
    );
    s.row(
        "dependencies that are a list",
        adding("[[dependencies]]\nname = \"a\"\n"),
        400,
        "Cargo.toml: dependencies: must be a table",
    );
    s.row(
        "a dependency that is a number",
        adding("[dependencies]\na = 1\n"),
        400,
        "Cargo.toml: dependencies.a: must be a text or a table",
    );
    s.row(
        "a dependency of no version",
        adding("[dependencies]\na = \"newest\"\n"),
        400,
        "Cargo.toml: dependencies.a: 'newest' is no version requirement",
    );
    s.row(
        "a dependency from a registry by name",
        adding("[dependencies]\na = { version = \"1\", registry = \"mine\" }\n"),
        400,
        "names a registry that only its author's settings know",
    );
    s.row(
        "a dependency whose name climbs",
        adding("[dependencies]\n\"../a\" = \"1\"\n"),
        400,
        "but a name may contain only ASCII letters",
    );
    s.row(
        "a feature with a slash in its name",
        adding("[features]\n\"a/b\" = []\n"),
        400,
        "features[\"a/b\"]: must begin with a letter",
    );
    s.row(
        "the Cargo.toml of another crate",
        publish(|| tar("gadget", "1.0.0").tgz()),
        400,
        "name: is 'widget', but the crate's Cargo.toml says 'gadget'",
    );
    s.row(
        "the Cargo.toml of another version",
        publish(|| tar("widget", "2.0.0").tgz()),
        400,
        "version: is '1.0.0', but the crate's Cargo.toml says '2.0.0'",
    );
    s.rows
}
