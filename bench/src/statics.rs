//! nginx serving the same bytes as files, by sendfile: what there is to reach.
//!
//! As it comes, with two settings that its defaults leave off: `sendfile`, and as many requests on
//! a connection as the client likes (it would otherwise close each after a thousand).

use anyhow::bail;
use proget_tests::{Nginx, Outcome};
use tempfile::TempDir;

use crate::door::Door;
use crate::machine;

/// An nginx and the folder that it serves.
#[derive(Debug)]
pub(crate) struct Statics {
    _server: Nginx,
    folder: TempDir,
    /// Where the folder is seen.
    pub(crate) door: Door,
}

impl Statics {
    pub(crate) async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let settings = format!(
            "root {};\nsendfile on;\ntcp_nopush on;\ngzip_static on;\nkeepalive_requests 1000000000;",
            folder.path().display()
        );
        let server = Nginx::start(&settings).await?;
        let door = Door::new(&format!("{}/", server.url()), None)?;
        Ok(Self { _server: server, folder, door })
    }

    /// Its workers. The kit does not tell them, but the configuration that names our folder is theirs.
    pub(crate) fn processes(&self) -> Outcome<Vec<u32>> {
        let folder = self.folder.path().display().to_string();
        for (id, words) in machine::processes()? {
            let file = words.iter().skip_while(|word| *word != "-c").nth(1);
            let settings = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
            if words.iter().any(|word| word == "master") && settings.contains(&folder) {
                return machine::children_of(id);
            }
        }
        bail!("the nginx that serves {folder} is not to be found")
    }

    /// Puts a file there. One whose name ends with `.gz` is what those get who take gzip.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Outcome {
        Ok(std::fs::write(self.folder.path().join(name), bytes)?)
    }
}
