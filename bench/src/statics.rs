//! nginx serving the same bytes as files, by sendfile: what there is to reach.
//!
//! As it comes, with two settings that its defaults leave off: `sendfile`, and as many requests on
//! a connection as the client likes (it would otherwise close each after a thousand).

use proget_tests::{Nginx, Outcome};
use tempfile::TempDir;

use crate::door::Door;

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

    /// Puts a file there. One whose name ends with `.gz` is what those get who take gzip.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Outcome {
        Ok(std::fs::write(self.folder.path().join(name), bytes)?)
    }
}
