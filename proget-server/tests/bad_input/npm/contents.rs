//! What is in the tarball: paths that escape, links, devices, and the `package.json`.

use super::publish;
use crate::bytes::{nested, npm_tar};
use crate::request::Request;
use crate::row::{Kind, Row, Section};
use crate::tar::Tar;

const OUT: &str = "leads out of the archive";

fn manifest() -> Tar {
    npm_tar(r#"{"name":"widget","version":"1.0.0"}"#)
}

/// A good package and one entry more.
fn with(entry: fn(Tar) -> Tar) -> Request {
    publish(move || entry(manifest()).tgz())
}

/// A package with this `package.json`.
fn saying(package_json: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    publish(move || npm_tar(package_json()).tgz())
}

pub(crate) fn rows() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Paths and entries in the archive");
    s.row("a path that climbs out", with(|tar| tar.file("package/../../evil", "")), 400, OUT);
    s.row("an absolute path", with(|tar| tar.file("/etc/evil", "")), 400, OUT);
    s.row(
        "a path with backslashes",
        with(|tar| tar.file(r"package\..\evil", "")),
        400,
        "a control character or a backslash",
    );
    s.row(
        "a path with a drive letter",
        with(|tar| tar.file("C:/evil", "")),
        400,
        "begins with a drive letter",
    );
    s.row(
        "a path with a line break",
        with(|tar| tar.file("package/a\nb", "")),
        400,
        r"'package/a\nb' has a control character",
    );
    s.row(
        "a path that is not UTF-8",
        with(|tar| tar.file(b"package/\xff", "")),
        400,
        "archive: has a path that is not UTF-8",
    );
    s.row("an empty path", with(|tar| tar.file("", "")), 400, OUT);
    s.row(
        "a path in a GNU extension that climbs out",
        with(|tar| tar.entry("././@LongLink", b'L', "", "../evil\0").file("package/a", "")),
        400,
        OUT,
    );
    s.row(
        "a path in a pax extension that climbs out",
        with(|tar| tar.pax(b'x', &[("path", "../evil")]).file("package/a", "")),
        400,
        OUT,
    );
    s.row(
        "a path of more than 1024 bytes",
        with(|tar| tar.pax(b'x', &[("path", &"a".repeat(1025))]).file("package/a", "")),
        400,
        "archive: has a path of more than 1024 bytes",
    );
    s.row(
        "a size in a pax extension, which readers disagree about",
        with(|tar| tar.pax(b'x', &[("size", "3")]).file("package/a", "abc")),
        400,
        "archive: has an extension header with 'size', or a global one with a path",
    );
    s.row(
        "a pax extension that renames all files",
        with(|tar| tar.pax(b'g', &[("path", "package/b")]).file("package/a", "")),
        400,
        "or a global one with a path",
    );
    s.row(
        "a pax extension that is none",
        with(|tar| tar.entry("x", b'x', "", "no record").file("package/a", "")),
        400,
        "archive: cannot be read as a gzip-compressed tar file: malformed pax extension",
    );
    s.row(
        "a symbolic link that climbs out",
        with(|tar| tar.entry("package/a", b'2', "../../etc", "")),
        400,
        "the link 'package/a' leads out of the archive",
    );
    s.row(
        "a symbolic link to an absolute path",
        with(|tar| tar.entry("package/b", b'2', "/etc/passwd", "")),
        400,
        "the link 'package/b' leads out of the archive",
    );
    s.row(
        "a hard link that climbs out",
        with(|tar| tar.entry("package/c", b'1', "../evil", "")),
        400,
        "the link 'package/c' leads out of the archive",
    );
    s.row(
        "a link to a Windows drive",
        with(|tar| tar.entry("package/d", b'2', "C:evil", "")),
        400,
        "the link 'package/d' leads out of the archive",
    );
    s.row(
        "a link to nothing",
        with(|tar| tar.entry("package/e", b'2', "", "")),
        400,
        "the link 'package/e' leads out of the archive",
    );
    s.row(
        "a device",
        with(|tar| tar.entry("package/dev", b'3', "", "")),
        400,
        "is neither file nor folder nor link (type '3')",
    );
    s.row(
        "a named pipe",
        with(|tar| tar.entry("package/pipe", b'6', "", "")),
        400,
        "is neither file nor folder nor link (type '6')",
    );
    s.row(
        "a sparse file",
        with(|tar| tar.entry("package/sparse", b'S', "", "")),
        400,
        "is neither file nor folder nor link (type 'S')",
    );
    s.row(
        "a folder with content",
        with(|tar| tar.entry("package/x", b'5', "", "hidden")),
        400,
        "'package/x' has content although it is no file",
    );

    let rows = s.rows;
    let mut s = Section::new(Kind::Npm, "The package's own description");
    s.rows = rows;
    s.row(
        "no package.json",
        publish(|| Tar::default().file("package/index.js", "").tgz()),
        400,
        "package.json: must be in the tarball, one folder deep",
    );
    s.row(
        "a package.json two folders deep",
        publish(|| Tar::default().file("package/inner/package.json", "{}").tgz()),
        400,
        "package.json: must be in the tarball, one folder deep",
    );
    s.row(
        "two package.json in the same folder",
        with(|tar| tar.file("package/package.json", "{}")),
        400,
        "package.json: must be in the tarball once",
    );
    s.row(
        "two package.json in different folders",
        with(|tar| tar.file("other/package.json", "{}")),
        400,
        "package.json: must be in the tarball once",
    );
    s.row(
        "a Package.json, which some file systems cannot tell apart",
        with(|tar| tar.file("package/Package.json", "{}")),
        400,
        "package.json: must be in the tarball once",
    );
    s.row(
        "a package.json that is a link",
        publish(|| Tar::default().entry("package/package.json", b'2', "other", "").tgz()),
        400,
        "package.json: must be a file",
    );
    s.row(
        "a package.json that is a folder",
        publish(|| Tar::default().entry("package/package.json", b'5', "", "").tgz()),
        400,
        "package.json: must be a file",
    );
    s.row("an empty package.json", saying(Vec::new), 400, "package.json: must be JSON: EOF");
    s.row(
        "a package.json that is a list",
        saying(|| b"[]".to_vec()),
        400,
        "package.json: must be a JSON object",
    );
    s.row(
        "a package.json that is cut off",
        saying(|| br#"{"name":"wid"#.to_vec()),
        400,
        "package.json: must be JSON: EOF while parsing a string",
    );
    s.row(
        "a package.json with a comment",
        saying(|| b"{} // mine".to_vec()),
        400,
        "package.json: must be JSON: trailing characters",
    );
    s.row(
        "a package.json 10,000 deep",
        saying(|| {
            format!(r#"{{"name":"widget","version":"1.0.0","x":{}}}"#, nested(10_000, "[", "]")).into()
        }),
        400,
        "package.json: must be JSON: recursion limit exceeded",
    );
    s.row(
        "a package.json of more than 1 MiB",
        saying(|| format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20)).into()),
        400,
        "package.json: must have at most 1048576 bytes",
    );
    s.row(
        "a package.json in Latin-1",
        saying(|| b"{\"name\":\"widget\",\"version\":\"1.0.0\",\"author\":\"J\xf6rg\"}".to_vec()),
        400,
        "package.json: must be JSON: invalid unicode code point",
    );
    s.row(
        "a package.json in UTF-16",
        saying(|| "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        400,
        "package.json: must be JSON: expected value",
    );
    s.row(
        "a package.json with a lone surrogate",
        saying(|| br#"{"name":"widget","version":"1.0.0","x":"\ud800"}"#.to_vec()),
        400,
        "package.json: must be JSON: unexpected end of hex escape",
    );
    s.row(
        "a package.json with a number beyond all numbers",
        saying(|| br#"{"name":"widget","version":"1.0.0","x":1e999}"#.to_vec()),
        400,
        "package.json: must be JSON: number out of range",
    );
    s.row(
        "a package.json with two names, the last of them wrong",
        saying(|| br#"{"name":"widget","name":"other","version":"1.0.0"}"#.to_vec()),
        400,
        "name: is 'widget', but the tarball's package.json says 'other'",
    );
    s.row(
        "a package.json without a name",
        saying(|| br#"{"version":"1.0.0"}"#.to_vec()),
        400,
        "name: must be there and be a text",
    );
    s.row(
        "a package.json whose version is a number",
        saying(|| br#"{"name":"widget","version":1}"#.to_vec()),
        400,
        "version: must be there and be a text",
    );
    s.row(
        "a package.json of another package",
        saying(|| br#"{"name":"gadget","version":"1.0.0"}"#.to_vec()),
        400,
        "name: is 'widget', but the tarball's package.json says 'gadget'",
    );
    s.row(
        "a package.json of another version",
        saying(|| br#"{"name":"widget","version":"2.0.0"}"#.to_vec()),
        400,
        "version: is '1.0.0', but the tarball's package.json says '2.0.0'",
    );
    s.row(
        "a package.json whose version is none",
        saying(|| br#"{"name":"widget","version":"one"}"#.to_vec()),
        400,
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    s.rows
}
