//! What several examples need beside the idea that they show: a package to publish.

use std::io;

/// A small npm package as a tarball.
///
/// # Errors
/// None in practice: it is written into memory.
pub fn npm_package(name: &str, version: &str) -> io::Result<Vec<u8>> {
    let manifest = serde_json::json!({ "name": name, "version": version, "main": "index.js" }).to_string();
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in
        [("package/package.json", manifest.as_str()), ("package/index.js", "module.exports = 1\n")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, text.as_bytes())?;
    }
    archive.into_inner()?.finish()
}
