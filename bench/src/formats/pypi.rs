//! Wheels and the form that uploads them.

use std::io::{Cursor, Write as _};

use anyhow::Context as _;
use proget_core::conformance::Dice;
use proget_tests::Outcome;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{hex, noise};
use crate::door::Upload;

const BOUNDARY: &str = "part-of-an-upload-7f3c";

/// The upload of one wheel with a file of `payload` bytes. It goes to the door itself.
pub(crate) fn upload(name: &str, version: &str, payload: usize, dice: &mut Dice) -> Outcome<Upload> {
    let metadata = format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8\n\
         Summary: Something to be measured, with a summary of an ordinary length.\n"
    );
    let bytes = archive(name, version, &metadata, &noise(dice, payload))?;
    let digest = hex(&Sha256::digest(&bytes));
    let fields = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("metadata_version", "2.1"),
        ("name", name),
        ("version", version),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py3"),
        ("requires_python", ">=3.8"),
        ("summary", "Something to be measured, with a summary of an ordinary length."),
        ("sha256_digest", &digest),
    ];
    let mut body = Vec::with_capacity(bytes.len() + 2000);
    for (field, value) in fields {
        write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")?;
    }
    let file = file_name(name, version);
    write!(
        body,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{file}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )?;
    body.extend_from_slice(&bytes);
    write!(body, "\r\n--{BOUNDARY}--\r\n")?;
    let content_type = "multipart/form-data; boundary=part-of-an-upload-7f3c";
    Ok(Upload { method: "POST", below: String::new(), content_type, body })
}

/// The name of the wheel.
pub(crate) fn file_name(name: &str, version: &str) -> String {
    format!("{name}-{version}-py3-none-any.whl")
}

/// The address of a file that a simple page links to, relative to the page or absolute.
pub(crate) fn link_to<'a>(page: &'a str, file: &str) -> Outcome<&'a str> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let link = links.map(|link| link.split('#').next().unwrap_or(link)).find(|link| link.ends_with(file));
    link.with_context(|| format!("the page has no link to {file}"))
}

fn archive(name: &str, version: &str, metadata: &str, payload: &[u8]) -> Outcome<Vec<u8>> {
    let folder = format!("{name}-{version}.dist-info");
    let wheel = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = format!("{name}/noise.bin,,\n{folder}/METADATA,,\n{folder}/WHEEL,,\n{folder}/RECORD,,\n");
    let files: [(String, &[u8]); 4] = [
        (format!("{name}/noise.bin"), payload),
        (format!("{folder}/METADATA"), metadata.as_bytes()),
        (format!("{folder}/WHEEL"), wheel.as_bytes()),
        (format!("{folder}/RECORD"), record.as_bytes()),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        archive
            .start_file(path, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_a_file_is_found_without_its_digest() -> Outcome {
        let page = "<a href=\"../../files/a-1-py3-none-any.whl#sha256=ab\">a</a><a href=\"/b.whl\">b</a>";
        assert_eq!(link_to(page, "a-1-py3-none-any.whl")?, "../../files/a-1-py3-none-any.whl");
        assert!(link_to(page, "c.whl").is_err());
        Ok(())
    }
}
