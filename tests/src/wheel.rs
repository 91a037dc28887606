//! Python packages made fluently: as a wheel, as a source distribution, and as the form that
//! uploads either. Made by hand, because a build takes a second and is never twice the same.
//!
//! Formats: <https://packaging.python.org/en/latest/specifications/binary-distribution-format/> and
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/>. The form is
//! the one that twine and uv send to a legacy upload address.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use proget_core::digest::Sha256;
use sha2::Digest as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::Outcome;

/// Builds a wheel from the folder `tree` of a source distribution, and needs nothing for it: an
/// installation from source asks no registry for a builder.
const BACKEND: &str = r#"
import os, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open("wheel-name") as file:
        name = file.read()
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for folder, _, files in os.walk("tree"):
            for file in files:
                path = os.path.join(folder, file)
                wheel.write(path, os.path.relpath(path, "tree"))
    return name
"#;

const PROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";

/// One version of a Python project, in the making.
///
/// ```
/// use proget_tests::PythonPackage;
///
/// let package = PythonPackage::new("My.Tool", "1.2.0").requires("left>=1").module("my_tool", "WORDS = 1");
/// assert_eq!(package.wheel().unwrap().name, "my_tool-1.2.0-py3-none-any.whl");
/// ```
#[derive(Clone, Debug)]
pub struct PythonPackage {
    name: String,
    version: String,
    tag: String,
    fields: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
}

impl PythonPackage {
    /// A project with a name, a version and nothing else.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            tag: "py3-none-any".into(),
            fields: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Adds a field of the metadata, such as `Summary`.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        self.fields.push((field.into(), value.into()));
        self
    }

    /// Adds a requirement, such as `left>=1`.
    #[must_use]
    pub fn requires(self, requirement: &str) -> Self {
        self.with("Requires-Dist", requirement)
    }

    /// Says which Pythons it is for, such as `>=3.8`.
    #[must_use]
    pub fn requires_python(self, specifier: &str) -> Self {
        self.with("Requires-Python", specifier)
    }

    /// Says which Python, interface and platform its wheel is for.
    #[must_use]
    pub fn tagged(mut self, tag: &str) -> Self {
        self.tag = tag.into();
        self
    }

    /// Adds a module of one file.
    #[must_use]
    pub fn module(self, name: &str, source: &str) -> Self {
        self.file(&format!("{name}.py"), source)
    }

    /// Adds a file; its path may contain folders.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// The name as it stands in file names: lower case, and `_` for each run of `-`, `_` and `.`.
    fn stem(&self) -> String {
        let parts = self.name.split(['-', '_', '.']).filter(|part| !part.is_empty());
        format!("{}-{}", parts.collect::<Vec<_>>().join("_").to_lowercase(), self.version)
    }

    fn metadata(&self) -> String {
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        for (field, value) in &self.fields {
            text += &format!("{field}: {value}\n");
        }
        text
    }

    /// Its wheel. Nothing is compressed, so that large test packages cost no time.
    pub fn wheel(&self) -> Outcome<PythonFile> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (path, content) in self.tree() {
            archive.start_file(path, options)?;
            archive.write_all(&content)?;
        }
        let name = format!("{}-{}.whl", self.stem(), self.tag);
        Ok(self.offered(name, "bdist_wheel", archive.finish()?.into_inner()))
    }

    /// Its source distribution, which builds itself without any help.
    pub fn sdist(&self) -> Outcome<PythonFile> {
        let stem = self.stem();
        let mut files = vec![
            ("PKG-INFO".to_owned(), self.metadata().into_bytes()),
            ("pyproject.toml".to_owned(), PROJECT.into()),
            ("backend.py".to_owned(), BACKEND.into()),
            ("wheel-name".to_owned(), format!("{stem}-{}.whl", self.tag).into_bytes()),
        ];
        files.extend(self.tree().into_iter().map(|(path, content)| (format!("tree/{path}"), content)));
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(499_162_500);
            archive.append_data(&mut header, format!("{stem}/{path}"), content.as_slice())?;
        }
        Ok(self.offered(format!("{stem}.tar.gz"), "sdist", archive.into_inner()?.finish()?))
    }

    /// What the wheel holds, its record last.
    fn tree(&self) -> Vec<(String, Vec<u8>)> {
        let folder = format!("{}.dist-info", self.stem());
        let wheel = format!("Wheel-Version: 1.0\nGenerator: kit\nRoot-Is-Purelib: true\nTag: {}\n", self.tag);
        let mut files = self.files.clone();
        files.push((format!("{folder}/METADATA"), self.metadata().into_bytes()));
        files.push((format!("{folder}/WHEEL"), wheel.into_bytes()));
        let mut record = String::new();
        for (path, content) in &files {
            let digest = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(content));
            record += &format!("{path},sha256={digest},{}\n", content.len());
        }
        record += &format!("{folder}/RECORD,,\n");
        files.push((format!("{folder}/RECORD"), record.into_bytes()));
        files
    }

    fn offered(&self, name: String, kind: &str, bytes: Vec<u8>) -> PythonFile {
        let mut form: Vec<(String, String)> = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", &self.name),
            ("version", &self.version),
            ("filetype", kind),
            ("pyversion", if kind == "sdist" { "source" } else { "py3" }),
            ("sha256_digest", &Sha256::of(&bytes).to_string()),
        ]
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .into();
        // `Requires-Dist` is `requires_dist` there, and so on.
        let fields = self.fields.iter();
        form.extend(fields.map(|(field, value)| (field.replace('-', "_").to_lowercase(), value.clone())));
        PythonFile { name, bytes, form }
    }
}

/// A wheel or a source distribution, finished.
#[derive(Clone, Debug)]
pub struct PythonFile {
    /// Its file name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is told about it when it is uploaded.
    pub form: Vec<(String, String)>,
}

impl PythonFile {
    /// The type of the body that uploads it.
    pub const CONTENT_TYPE: &'static str = "multipart/form-data; boundary=kit-boundary";

    /// Puts it into a folder and says where.
    pub fn write_to(&self, folder: &Path) -> Outcome<PathBuf> {
        let path = folder.join(&self.name);
        fs::write(&path, &self.bytes)?;
        Ok(path)
    }

    /// What stands before and after the bytes in the body that uploads them.
    pub fn ends(&self) -> (String, String) {
        let mut head = String::new();
        for (field, value) in &self.form {
            head += &format!(
                "--kit-boundary\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
        }
        head += &format!(
            "--kit-boundary\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.name
        );
        (head, "\r\n--kit-boundary--\r\n".into())
    }

    /// The body that uploads it.
    pub fn body(&self) -> Vec<u8> {
        let (head, tail) = self.ends();
        [head.as_bytes(), &self.bytes, tail.as_bytes()].concat()
    }
}
