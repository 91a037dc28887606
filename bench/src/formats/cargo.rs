//! Crates and the framed document that publishes them.

use flate2::Compression;
use flate2::write::GzEncoder;
use proget_core::conformance::Dice;
use proget_tests::Outcome;
use serde_json::json;

use super::noise;
use crate::door::Upload;

/// The publish of one version with a file of `payload` bytes.
pub(crate) fn upload(name: &str, version: &str, payload: usize, dice: &mut Dice) -> Outcome<Upload> {
    let dependency = |name: &str| {
        json!({"name": name, "version_req": "^1.0", "features": [], "optional": false,
               "default_features": true, "target": null, "kind": "normal", "registry": null})
    };
    let document = serde_json::to_vec(&json!({
        "name": name, "vers": version, "deps": [dependency("left"), dependency("right")],
        "features": {"default": ["std"], "std": []}, "authors": [], "license": "MIT",
        "description": "Something to be measured, with a description of an ordinary length.",
    }))?;
    let bytes = archive(name, version, &noise(dice, payload))?;
    let mut body = Vec::with_capacity(document.len() + bytes.len() + 8);
    for part in [&document, &bytes] {
        body.extend_from_slice(&u32::try_from(part.len())?.to_le_bytes());
        body.extend_from_slice(part);
    }
    let below = "api/v1/crates/new".to_owned();
    Ok(Upload { method: "PUT", below, content_type: "application/octet-stream", body })
}

/// The path of a crate's entry in the sparse index, for names of four letters and more.
pub(crate) fn entry(name: &str) -> String {
    format!("{}/{}/{name}", &name[..2], &name[2..4])
}

fn archive(name: &str, version: &str, payload: &[u8]) -> Outcome<Vec<u8>> {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\nlicense = \"MIT\"\n\
         description = \"Something to be measured, with a description of an ordinary length.\"\n\n\
         [features]\ndefault = [\"std\"]\nstd = []\n\n\
         [dependencies.left]\nversion = \"^1.0\"\n\n[dependencies.right]\nversion = \"^1.0\"\n"
    );
    let files: [(&str, &[u8]); 3] =
        [("Cargo.toml", manifest.as_bytes()), ("src/lib.rs", b""), ("noise.bin", payload)];
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{name}-{version}/{path}"), bytes)?;
    }
    Ok(archive.into_inner()?.finish()?)
}
