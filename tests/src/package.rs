//! Packages made fluently: for a real client as a folder, for a raw request as a tarball and the
//! document that an npm client would send with it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha512};

use crate::Outcome;

/// One version of an npm package, in the making.
///
/// ```
/// use proget_tests::Package;
///
/// let package = Package::new("@acme/widget", "1.2.0")
///     .file("index.js", "module.exports = 'widget'")
///     .depends_on("left", "^1.0.0");
/// assert!(!package.tarball().unwrap().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Package {
    manifest: Map<String, Value>,
    files: Vec<(String, Vec<u8>)>,
}

impl Package {
    /// A package with a name, a version and nothing else.
    pub fn new(name: &str, version: &str) -> Self {
        let mut manifest = Map::new();
        manifest.insert("name".into(), name.into());
        manifest.insert("version".into(), version.into());
        Self { manifest, files: Vec::new() }
    }

    /// Sets a field of `package.json`.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.manifest.insert(field.into(), value.into());
        self
    }

    /// Adds a file; its path may contain folders.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// Adds a dependency.
    #[must_use]
    pub fn depends_on(mut self, name: &str, range: &str) -> Self {
        let dependencies = self.manifest.entry("dependencies").or_insert_with(|| json!({}));
        if let Value::Object(dependencies) = dependencies {
            dependencies.insert(name.into(), range.into());
        }
        self
    }

    /// Its name, with the scope.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.text("version")
    }

    /// A name for a folder that holds this version and no other.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.name().replace(['@', '/'], "_"), self.version())
    }

    fn text(&self, field: &str) -> &str {
        self.manifest.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Writes `package.json` and the files into `folder`.
    pub fn write_to(&self, folder: &Path) -> Outcome {
        for (path, content) in self.contents()? {
            let file = folder.join(path);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(file, content)?;
        }
        Ok(())
    }

    /// The package as npm packs it: a gzipped tar whose files stand below `package/`.
    ///
    /// The same package always gives the same bytes.
    pub fn tarball(&self) -> Outcome<Vec<u8>> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in self.contents()? {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(499_162_500);
            archive.append_data(&mut header, format!("package/{path}"), content.as_slice())?;
        }
        let mut gzip = archive.into_inner()?;
        gzip.flush()?;
        Ok(gzip.finish()?)
    }

    /// The body of `PUT <registry>/<name>` that publishes this version under the tag `latest`.
    ///
    /// See <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>.
    pub fn publish_document(&self, registry: &str) -> Outcome<Value> {
        let (name, version) = (self.name(), self.version());
        let tarball = self.tarball()?;
        let plain_name = name.rsplit('/').next().unwrap_or(name);
        let mut manifest = self.manifest.clone();
        manifest.insert("_id".into(), format!("{name}@{version}").into());
        manifest.insert(
            "dist".into(),
            json!({
                "integrity": format!("sha512-{}", STANDARD.encode(Sha512::digest(&tarball))),
                "shasum": Sha1::digest(&tarball).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
                "tarball": format!("{registry}{name}/-/{plain_name}-{version}.tgz"),
            }),
        );
        let attachment = json!({
            "content_type": "application/octet-stream",
            "data": STANDARD.encode(&tarball),
            "length": tarball.len(),
        });
        Ok(json!({
            "_id": name,
            "name": name,
            "dist-tags": { "latest": version },
            "versions": { version: manifest },
            "_attachments": { format!("{name}-{version}.tgz"): attachment },
        }))
    }

    fn contents(&self) -> Outcome<Vec<(String, Vec<u8>)>> {
        let manifest = serde_json::to_vec_pretty(&self.manifest)?;
        let mut contents = vec![("package.json".to_owned(), manifest)];
        contents.extend(self.files.iter().cloned());
        Ok(contents)
    }
}
