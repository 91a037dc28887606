//! Crates made fluently: for the real cargo as a folder, for a raw request as the `.crate` file and
//! the framed body that publishes it.
//!
//! The body: <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish>.

use std::fs;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Outcome;

/// One version of a crate, in the making.
///
/// ```
/// use proget_tests::Crate;
///
/// let left = Crate::new("left", "1.0.0").source("pub fn words() -> &'static str { \"left\" }");
/// assert_eq!(left.file_name(), "left-1.0.0.crate");
/// ```
#[derive(Clone, Debug)]
pub struct Crate {
    name: String,
    version: String,
    package: String,
    tables: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Crate {
    /// A crate with a name, a version and an empty library.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            package: String::new(),
            tables: String::new(),
            files: vec![("src/lib.rs".into(), Vec::new())],
        }
    }

    /// Adds a line to `[package]`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.package += &format!("{line}\n");
        self
    }

    /// Adds whole tables, such as `[dependencies]`, to `Cargo.toml`.
    #[must_use]
    pub fn table(mut self, toml: &str) -> Self {
        self.tables += &format!("\n{toml}\n");
        self
    }

    /// Says what the library is.
    #[must_use]
    pub fn source(self, rust: &str) -> Self {
        self.file("src/lib.rs", rust)
    }

    /// Adds or replaces a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.retain(|(there, _)| there != path);
        self.files.push((path.into(), content.into()));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What its file is called.
    pub fn file_name(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }

    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"{}\"\nedition = \"2021\"\ndescription = \"of the kit\"\n\
             license = \"MIT\"\n{}{}",
            self.name, self.version, self.package, self.tables
        );
        let mut contents = vec![("Cargo.toml".to_owned(), manifest.into_bytes())];
        contents.extend(self.files.iter().cloned());
        contents
    }

    /// Writes the crate as a project into `folder`.
    pub fn write_to(&self, folder: &Path) -> Outcome {
        for (path, content) in self.contents() {
            let file = folder.join(path);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(file, content)?;
        }
        Ok(())
    }

    /// The `.crate` file: a gzipped tar below `<name>-<version>/`. The same crate always gives the
    /// same bytes.
    pub fn archive(&self) -> Outcome<Vec<u8>> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in self.contents() {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(499_162_500);
            let path = format!("{}-{}/{path}", self.name, self.version);
            archive.append_data(&mut header, path, content.as_slice())?;
        }
        Ok(archive.into_inner()?.finish()?)
    }

    /// What a publish says about it. Tables are not looked at: who needs dependencies, uses cargo.
    pub fn publish_document(&self) -> Value {
        json!({
            "name": self.name, "vers": self.version, "deps": [], "features": {}, "authors": [],
            "description": "of the kit", "documentation": null, "homepage": null, "readme": null,
            "readme_file": null, "keywords": [], "categories": [], "license": "MIT",
            "license_file": null, "repository": null, "badges": {}, "links": null, "rust_version": null,
        })
    }

    /// What stands before the `.crate` file of `size` bytes in the body that publishes it.
    pub fn frame(&self, size: u32) -> Outcome<Vec<u8>> {
        let document = serde_json::to_vec(&self.publish_document())?;
        let length = u32::try_from(document.len())?;
        Ok([&length.to_le_bytes(), document.as_slice(), &size.to_le_bytes()].concat())
    }

    /// The body of `PUT <api>/api/v1/crates/new`.
    pub fn publish_body(&self) -> Outcome<Vec<u8>> {
        let archive = self.archive()?;
        Ok([self.frame(u32::try_from(archive.len())?)?, archive].concat())
    }
}
