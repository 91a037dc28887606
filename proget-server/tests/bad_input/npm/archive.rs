//! The tarball as bytes: gzip and tar, what is missing of them and what is too much.

use super::publish;
use crate::bytes::{cut, gzip, gzip_of_zeros, npm_tar, npm_tgz, spoilt, without_last};
use crate::row::{Kind, Row, Section};
use crate::tar::Tar;

fn good() -> Vec<u8> {
    npm_tgz("widget", "1.0.0")
}

fn manifest() -> Tar {
    npm_tar(r#"{"name":"widget","version":"1.0.0"}"#)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "The package's archive as bytes");
    s.row(
        "a tarball of no bytes",
        publish(Vec::new),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a tarball cut off in its gzip header",
        publish(|| cut(good(), 5)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a tarball cut off in its compressed bytes",
        publish(|| without_last(good(), 40)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: incomplete deflate stream",
    );
    s.row(
        "a tarball without gzip's checksum and length",
        publish(|| without_last(good(), 8)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a tarball cut off within gzip's last number",
        publish(|| without_last(good(), 2)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a wrong bit in the compressed bytes",
        publish(|| spoilt(good(), 60)),
        400,
        "archive: cannot be read as a gzip-compressed tar file: corrupt deflate stream",
    );
    s.row("a wrong bit in gzip's checksum", publish(|| spoilt(good(), 7)), 400, "archive: cannot be read as a gzip-compressed tar file: corrupt gzip stream does not have a matching checksum");
    s.row("a wrong bit in gzip's length", publish(|| spoilt(good(), 3)), 400, "archive: cannot be read as a gzip-compressed tar file: corrupt gzip stream does not have a matching checksum");
    s.row(
        "a second gzip member that is cut off",
        publish(|| [good(), cut(gzip(&[0; 512]), 20)].concat()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a second archive behind the first one's end",
        publish(|| [good(), good()].concat()),
        400,
        "archive: has data behind its end",
    );
    s.row(
        "bytes that are no gzip behind the archive",
        publish(|| [good(), b"trailer".to_vec()].concat()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected end of file",
    );
    s.row(
        "a tar archive that is not compressed",
        publish(|| manifest().end()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: invalid gzip header",
    );
    s.row(
        "a text that is compressed and no archive",
        publish(|| gzip(b"hello")),
        400,
        "archive: cannot be read as a gzip-compressed tar file: failed to read entire block",
    );
    s.row(
        "an archive that is compressed twice",
        publish(|| gzip(&good())),
        400,
        "archive: cannot be read as a gzip-compressed tar file: failed to read entire block",
    );
    s.row(
        "a zip archive",
        publish(|| b"PK\x05\x06".iter().copied().chain([0; 18]).collect()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: invalid gzip header",
    );
    s.row(
        "a picture",
        publish(|| b"\x89PNG\r\n\x1a\n0000".to_vec()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: invalid gzip header",
    );
    s.row("an empty archive", publish(|| Tar::default().tgz()), 400, "package.json: must be in the tarball");
    s.row(
        "a tar archive cut off in a file",
        publish(|| gzip(&cut(manifest().end(), 700))),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected EOF during skip",
    );
    s.row(
        "a tar header whose checksum is wrong",
        publish(|| manifest().but(|tar| tar[0] ^= 1).tgz()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: archive header checksum mismatch",
    );
    s.row(
        "a tar header whose size is no number",
        publish(|| manifest().header(b"package/a", b'0', "", "zzzzzzzzzzz").tgz()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: numeric field was not a number: zzzzzzzzzzz when getting size for package/a",
    );
    s.row(
        "a file that is said to be larger than the archive",
        publish(|| manifest().header(b"package/a", b'0', "", "77777777777").tgz()),
        400,
        "archive: cannot be read as a gzip-compressed tar file: unexpected EOF during skip",
    );
    s.row(
        "data behind the end of the tar archive",
        publish(|| gzip(&[manifest().end(), b"hidden".to_vec()].concat())),
        400,
        "archive: has data behind its end",
    );
    s.row(
        "a bomb: 300 MiB of zeros in 300 KiB",
        publish(|| {
            gzip_of_zeros(
                &manifest().header(b"package/zeros", b'0', "", "02260000000").open(),
                300 << 20,
                &[],
            )
        }),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a bomb: zeros for ever behind the archive's end",
        publish(|| gzip_of_zeros(&manifest().end(), 80 << 20, &[])),
        400,
        "it unpacks to more than the limit allows",
    );
    s.row(
        "a bomb: more than 200000 entries",
        publish(|| (0..200_001).fold(manifest(), |tar, at| tar.file(format!("package/{at}"), "")).tgz()),
        400,
        "archive: has more than 200000 entries",
    );
    s.row(
        "a bomb: folders 65 deep",
        publish(|| {
            manifest().pax(b'x', &[("path", &format!("package/{}a", "d/".repeat(64)))]).file("a", "").tgz()
        }),
        400,
        "lies more than 64 folders deep",
    );
    s.row(
        "a bomb: an extension header of 100 KiB",
        publish(|| {
            Tar::default().pax(b'x', &[("comment", &"c".repeat(100 << 10))]).file("package/a", "").tgz()
        }),
        400,
        "archive: has an extension header of more than 65536 bytes",
    );
    s.rows
}
