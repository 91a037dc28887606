//! What is in a wheel: paths that escape, and the files that say what it is.

use super::{files, files_saying, metadata, publish};
use crate::request::Request;
use crate::row::{Kind, Row, Section};
use crate::zip::{ZipFile, zip};

const OUT: &str = "leads out of the archive";
const FOLDER: &str = "widget-1.0.0.dist-info";

/// A good wheel and one file more.
fn with(more: fn() -> ZipFile) -> Request {
    publish(move || {
        let mut files = files("widget", "1.0.0");
        files.push(more());
        zip(&files)
    })
}

/// A wheel with this METADATA.
fn saying(metadata: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    publish(move || zip(&files_saying("widget", "1.0.0", metadata())))
}

/// A wheel without, or with another, file of its `dist-info` folder.
fn about(file: &'static str, content: Option<&'static [u8]>) -> Request {
    publish(move || {
        let path = format!("{FOLDER}/{file}");
        let mut files = files("widget", "1.0.0");
        files.retain(|file| file.name != path.as_bytes());
        files.extend(content.map(|content| ZipFile::new(&path, content)));
        zip(&files)
    })
}

pub(crate) fn rows() -> Vec<Row> {
    [paths(), descriptions()].into_iter().flatten().collect()
}

fn paths() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Paths and entries in wheels");
    s.row("a path that climbs out", with(|| ZipFile::new("../evil", "x")), 400, OUT);
    s.row("an absolute path", with(|| ZipFile::new("/etc/evil", "x")), 400, OUT);
    s.row(
        "a path with backslashes",
        with(|| ZipFile::new(r"..\evil", "x")),
        400,
        "a control character or a backslash",
    );
    s.row(
        "a path with a drive letter",
        with(|| ZipFile::new("C:/evil", "x")),
        400,
        "begins with a drive letter",
    );
    s.row(
        "a path with a zero byte",
        with(|| ZipFile::new("widget/a\0.py", "x")),
        400,
        "has a control character",
    );
    s.row(
        "a path that is not UTF-8",
        with(|| ZipFile::new(b"widget/\xff", "x")),
        400,
        "archive: has a path that is not UTF-8",
    );
    s.row(
        "a path of more than 1024 bytes",
        with(|| ZipFile::new("a".repeat(1025), "x")),
        400,
        "archive: has a path of more than 1024 bytes",
    );
    s.row(
        "the same path twice",
        with(|| ZipFile::new("widget/__init__.py", "x = 2\n")),
        400,
        "archive: has two files of the same name",
    );
    s.row(
        "a metadata file in other letters",
        with(|| ZipFile::new(format!("{FOLDER}/metadata"), metadata("gadget", "1.0.0"))),
        400,
        "wheel: must have METADATA, WHEEL and RECORD once, also in other cases",
    );
    s.row(
        "a dist-info folder in other letters",
        with(|| ZipFile::new("widget-1.0.0.DIST-INFO/METADATA", metadata("gadget", "1.0.0"))),
        400,
        "wheel: must end its folder *.dist-info in small letters",
    );
    s.row(
        "a symbolic link",
        with(|| ZipFile::new("widget/a", "__init__.py").but(|file| file.mode = 0o120_777)),
        400,
        "wheel: must not have links in it",
    );
    s.row(
        "a symbolic link that climbs out",
        with(|| ZipFile::new("widget/a", "../../etc").but(|file| file.mode = 0o120_777)),
        400,
        OUT,
    );
    s.row(
        "a device",
        with(|| ZipFile::new("widget/dev", "").but(|file| file.mode = 0o060_644)),
        400,
        "'widget/dev' is neither file nor folder nor link",
    );
    s.row(
        "a folder with content",
        with(|| ZipFile::new("widget/sub/", "hidden").but(|file| file.mode = 0o040_755)),
        400,
        "has content although it is no file",
    );
    s.row(
        "two dist-info folders",
        with(|| ZipFile::new("gadget-1.0.0.dist-info/METADATA", metadata("gadget", "1.0.0"))),
        400,
        "wheel: must have one folder *.dist-info, not several",
    );
    s.row(
        "a dist-info folder of another project",
        publish(|| {
            let mut files = files_saying("gadget", "1.0.0", metadata("widget", "1.0.0"));
            files.remove(0);
            zip(&files)
        }),
        400,
        "wheel: has the folder 'gadget-1.0.0.dist-info', but its METADATA speaks of widget 1.0.0",
    );
    s.rows
}

fn descriptions() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "What a wheel says of itself");
    s.row(
        "no METADATA",
        about("METADATA", None),
        400,
        "wheel: must have a file *.dist-info/METADATA that is not empty",
    );
    s.row(
        "no WHEEL",
        about("WHEEL", None),
        400,
        "wheel: must have a file *.dist-info/WHEEL that is not empty",
    );
    s.row(
        "no RECORD",
        about("RECORD", None),
        400,
        "wheel: must have a file *.dist-info/RECORD that is not empty",
    );
    s.row("a WHEEL that is not UTF-8", about("WHEEL", Some(b"Tag: \xff\n")), 400, "WHEEL: must be UTF-8");
    s.row(
        "a WHEEL that is none",
        about("WHEEL", Some(b"hello\n")),
        400,
        "WHEEL: must have lines 'Field: value'",
    );
    s.row(
        "a WHEEL of a generation to come",
        about("WHEEL", Some(b"Wheel-Version: 2.0\nTag: py3-none-any\n")),
        400,
        "WHEEL: must have a Wheel-Version of 1.x",
    );
    s.row(
        "a WHEEL with other tags than the file's name",
        about("WHEEL", Some(b"Wheel-Version: 1.0\nTag: py2-none-any\n")),
        400,
        "file name: has the tags py3-none-any, but the WHEEL file py2-none-any",
    );
    let name = "Metadata-Version: 2.1\nName: widget\nVersion: 1.0.0\n";
    s.row(
        "a METADATA in Latin-1",
        saying(move || [name.as_bytes(), b"Author: J\xf6rg\n"].concat()),
        400,
        "METADATA: must be UTF-8",
    );
    s.row(
        "a METADATA in UTF-16",
        saying(|| "\u{feff}Name: a".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        400,
        "METADATA: must be UTF-8",
    );
    s.row(
        "a METADATA that is none",
        saying(|| b"hello\n".to_vec()),
        400,
        "METADATA: has a line that is neither 'Field: value' nor continues one",
    );
    s.row(
        "a METADATA that begins in the middle",
        saying(|| b"  of a line\n".to_vec()),
        400,
        "METADATA: begins with a line that continues another",
    );
    s.row(
        "a METADATA with a field's name of spaces",
        saying(|| b"Na me: widget\n".to_vec()),
        400,
        "METADATA: has a line that is neither",
    );
    s.row(
        "a METADATA of more than 1 MiB",
        saying(move || format!("{name}Summary: {}\n", "x".repeat(1 << 20)).into()),
        400,
        "archive: has a file about the package of more than 1048576 bytes",
    );
    s.row(
        "a METADATA with two names",
        saying(move || format!("{name}Name: gadget\n").into()),
        400,
        "METADATA: has more than one Name",
    );
    s.row(
        "a METADATA with two versions in other letters",
        saying(move || format!("{name}VERSION: 2\n").into()),
        400,
        "METADATA: has more than one Version",
    );
    s.row(
        "a METADATA without a name",
        saying(|| b"Metadata-Version: 2.1\nVersion: 1.0.0\n".to_vec()),
        400,
        "METADATA: must have a Name",
    );
    s.row(
        "a METADATA whose name stands behind the empty line",
        saying(|| b"Metadata-Version: 2.1\n\nName: widget\nVersion: 1.0.0\n".to_vec()),
        400,
        "METADATA: must have a Name",
    );
    s.row(
        "a METADATA of a generation to come",
        saying(|| b"Metadata-Version: 3.0\nName: widget\nVersion: 1.0.0\n".to_vec()),
        400,
        "METADATA: has Metadata-Version '3.0', but 1.x or 2.x is expected",
    );
    s.row(
        "a METADATA of another project",
        saying(|| metadata("gadget", "1.0.0").into()),
        400,
        "name: is 'widget' in the form, but 'gadget' in the file",
    );
    s.row(
        "a METADATA of another version",
        saying(|| metadata("widget", "2.0").into()),
        400,
        "version: is '1.0.0' in the form, but '2.0' in the file",
    );
    s.row(
        "a Requires-Python that is none",
        saying(move || format!("{name}Requires-Python: three\n").into()),
        400,
        "Requires-Python: 'three' is no list of version specifiers",
    );
    s.row(
        "a Requires-Python that would be HTML",
        saying(move || format!("{name}Requires-Python: <script>\n").into()),
        400,
        "Requires-Python: '<script>' is no list of version specifiers",
    );
    s.rows
}
