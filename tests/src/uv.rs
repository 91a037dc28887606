//! uv, in its pinned version.

use std::path::{Path, PathBuf};

use crate::client::{Answer, Client, Registry, installed_python};
use crate::{Outcome, PythonFile};

/// uv with a home of its own, pointed at one feed.
#[derive(Debug)]
pub struct Uv(Client);

impl Uv {
    /// A uv that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(installed_python("uv")?)?;
        client.tell("UV_DEFAULT_INDEX", registry.url_with_password("simple/")?);
        client.tell("UV_PUBLISH_URL", format!("{}legacy", registry.url));
        if let Some((user, password)) = registry.name_and_password() {
            client.tell("UV_PUBLISH_USERNAME", user);
            client.tell("UV_PUBLISH_PASSWORD", password);
        }
        client.set("UV_CACHE_DIR", "cache");
        // The Python that is there: uv would fetch one of its own.
        client.tell("UV_PYTHON", installed_python("python")?);
        client.tell("UV_PYTHON_DOWNLOADS", "never");
        client.stay_at_home();
        Ok(Self(client))
    }

    /// A new folder.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }

    /// `uv <arguments>` in a folder.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome<Answer> {
        self.0.run(folder, arguments).await
    }

    /// `uv publish` of these files, with further arguments.
    pub async fn publish_with(&self, files: &[&PythonFile], arguments: &[&str]) -> Outcome<Answer> {
        let folder = self.folder("dist")?;
        for file in files {
            file.write_to(&folder)?;
        }
        let names = files.iter().map(|file| file.name.as_str());
        let words = ["publish"].into_iter().chain(arguments.iter().copied());
        self.0.run(&folder, &words.chain(names).collect::<Vec<_>>()).await
    }

    /// `uv publish` of these files.
    pub async fn publish(&self, files: &[&PythonFile]) -> Outcome<Answer> {
        self.publish_with(files, &[]).await
    }

    /// A new project that requires nothing yet.
    pub fn project(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.folder(name)?;
        let toml = format!("[project]\nname = \"{name}\"\nversion = \"0\"\nrequires-python = \">=3.9\"\n");
        std::fs::write(folder.join("pyproject.toml"), toml)?;
        Ok(folder)
    }
}
