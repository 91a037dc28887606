//! npm packages.

use proget_core::conformance::Dice;
use proget_tests::{Outcome, Package};

use super::noise;
use crate::door::Upload;

/// The publish of one version with a file of `payload` bytes.
pub(crate) fn upload(name: &str, version: &str, payload: usize, dice: &mut Dice) -> Outcome<Upload> {
    let package = Package::new(name, version)
        .with("description", "Something to be measured, with a description of an ordinary length.")
        .with("license", "MIT")
        .with("main", "index.js")
        .depends_on("left", "^1.3.0")
        .depends_on("right", "~2.0.1")
        .file("noise.bin", noise(dice, payload));
    // The host in the document is the sender's; every registry writes its own into what it serves.
    let body = serde_json::to_vec(&package.publish_document("http://127.0.0.1/")?)?;
    Ok(Upload { method: "PUT", below: name.to_owned(), content_type: "application/json", body })
}

/// The path of a version's tarball.
pub(crate) fn tarball(name: &str, version: &str) -> String {
    format!("{name}/-/{name}-{version}.tgz")
}
