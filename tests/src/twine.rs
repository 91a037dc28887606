//! twine, in its pinned version, and the builder whose files it uploads.

use std::path::{Path, PathBuf};

use crate::client::{Answer, Client, Registry, installed_python};
use crate::{Outcome, PythonFile};

/// twine with a home of its own, pointed at one feed.
#[derive(Debug)]
pub struct Twine(Client);

impl Twine {
    /// A twine that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(installed_python("twine")?)?;
        client.tell("TWINE_REPOSITORY_URL", format!("{}legacy", registry.url));
        client.tell("TWINE_NON_INTERACTIVE", "1");
        // It folds its lines at the width of a screen, in the middle of sentences.
        client.tell("COLUMNS", "500");
        // No machine's keyring: where it knows no password it must say so.
        client.tell("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring");
        if let Some((user, password)) = registry.name_and_password() {
            client.tell("TWINE_USERNAME", user);
            client.tell("TWINE_PASSWORD", password);
        }
        client.stay_at_home();
        Ok(Self(client))
    }

    /// A new folder.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }

    /// `twine upload` of these files.
    pub async fn upload(&self, files: &[&PythonFile]) -> Outcome<Answer> {
        let folder = self.folder("dist")?;
        let mut words = vec!["upload", "--disable-progress-bar"];
        for file in files {
            file.write_to(&folder)?;
            words.push(&file.name);
        }
        self.0.run(&folder, &words).await
    }

    /// `twine upload --skip-existing` of these files.
    ///
    /// twine does that with two hosts only, by their names, and refuses to start for any other.
    /// Here that one check is lifted; what twine makes of the feed's answers is its own affair.
    pub async fn upload_what_is_new(&self, files: &[&PythonFile]) -> Outcome<Answer> {
        const TOLD: &str = "from twine.settings import Settings\n\
            Settings.verify_feature_capability = lambda self: None\n\
            from twine.__main__ import main\nmain()";
        let folder = self.folder("dist")?;
        let mut words = vec!["-c", TOLD, "upload", "--disable-progress-bar", "--skip-existing"];
        for file in files {
            file.write_to(&folder)?;
            words.push(&file.name);
        }
        self.0.run_as(&installed_python("python")?, &folder, &words).await
    }

    /// `twine upload` of whatever is in a folder.
    pub async fn upload_all(&self, folder: &Path) -> Outcome<Answer> {
        let mut words = vec!["upload".into(), "--disable-progress-bar".into()];
        for entry in std::fs::read_dir(folder)? {
            words.push(entry?.path().into_os_string());
        }
        self.0.run(folder, &words).await
    }
}

/// Builds a project with the real builder, using what stands in the Python environment of the
/// tests, so that no registry is asked. Its files are in the project's folder `dist`.
pub async fn build_python_project(project: &Path) -> Outcome<PathBuf> {
    let client = Client::new(installed_python("python")?)?;
    client.run(project, &["-m", "build", "--no-isolation"]).await?.succeeded()?;
    Ok(project.join("dist"))
}
