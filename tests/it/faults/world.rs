//! A server with a feed of each type and a package in each, and a look at everything it keeps.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Database, Outcome, ProgetProcess, SOON, ServerSetup, eventually};
use sea_orm::{ConnectionTrait as _, Statement};

use super::table::Fault;
use super::uploads::{Answer, Upload, widgets};

/// Bytes of a package that fits everywhere.
pub(super) const SMALL: usize = 64 << 10;

/// Where a published package is downloaded.
const DOWNLOADS: [&str; 3] = [
    "/npm/js/widget/-/widget-1.0.0.tgz",
    "/pypi/py/packages/widget/widget-1.0.0-py3-none-any.whl",
    "/cargo/rust/api/v1/crates/widget/1.0.0/download",
];

pub(super) struct World {
    pub(super) server: ProgetProcess,
    /// The package store, as the test sees it.
    pub(super) packages: PathBuf,
    database: Kept,
}

/// Where the catalogue is.
enum Kept {
    /// In the database at this address.
    In(String),
    /// In SQLite, in this folder as the test sees it.
    Beside(PathBuf),
}

impl World {
    /// `widget 1.0.0` is published in each feed.
    pub(super) async fn begin(
        setup: ServerSetup,
        packages: impl Fn(&ProgetProcess) -> Outcome<PathBuf>,
    ) -> Outcome<Self> {
        let url = setup.database_url();
        let server = setup.start().await?;
        // Over HTTP: commands do not see what is mounted for the server alone.
        for (kind, feed) in [("npm", "js"), ("pypi", "py"), ("cargo", "rust")] {
            let create = server.http().post(format!("{}/api/management/feeds/create", server.url()));
            let wish = serde_json::json!({ "name": feed, "feedType": kind });
            create.header("X-ApiKey", ADMIN_KEY).json(&wish).send().await?.error_for_status()?;
        }
        let packages = packages(&server)?;
        let data = seen(&server, &server.data())?;
        let database = url.map_or(Kept::Beside(data), Kept::In);
        for widget in widgets("1.0.0", SMALL)? {
            widget.send(&server).await?.is_success()?;
        }
        Ok(Self { server, packages, database })
    }

    /// Every version there is, and every file of store and scratch with its size, when nothing is just on
    /// its way or being cleared up.
    pub(super) async fn kept(&self) -> Outcome<String> {
        eventually("two looks find the same", SOON, || async {
            let (first, second) = (self.picture().await?, self.picture().await?);
            ensure!(first == second, "first:\n{first}\nthen:\n{second}");
            Ok(second)
        })
        .await
    }

    async fn picture(&self) -> Outcome<String> {
        let mut kept = String::new();
        for feed in ["js", "py", "rust"] {
            let url = format!("{}/api/packages/{feed}/versions", self.server.url());
            let answer = self.server.http().get(url).header("X-ApiKey", ADMIN_KEY).send().await?;
            kept += &answer.error_for_status()?.text().await?;
            kept.push('\n');
        }
        Ok(kept + &self.files()?.join("\n"))
    }

    fn files(&self) -> Outcome<Vec<String>> {
        let mut found = Vec::new();
        files_below(&self.packages, &mut found)?;
        found.sort();
        Ok(found)
    }

    /// How many uploads are in scratch.
    pub(super) fn staged(&self) -> Outcome<usize> {
        Ok(self.files()?.iter().filter(|file| file.contains("/scratch/")).count())
    }

    /// Demands that all is as it was, soon: files are unlinked after the answer.
    pub(super) async fn is_as_before(&self, before: &str) -> Outcome {
        eventually("everything is as it was", SOON, || async {
            let now = self.picture().await?;
            ensure!(now == before, "before:\n{before}\nnow:\n{now}");
            Ok(())
        })
        .await
    }

    /// Demands that what was published can still be downloaded.
    pub(super) async fn serves(&self) -> Outcome {
        for path in DOWNLOADS {
            let get = self.server.http().get(format!("{}{path}", self.server.url()));
            // Cargo's credential is the bare key; the others take it so, too.
            let answer = get.header("authorization", ADMIN_KEY).send().await?;
            ensure!(answer.status() == 200, "{path} is answered {}", answer.status());
            ensure!(answer.bytes().await?.len() > SMALL, "{path} is cut");
        }
        Ok(())
    }

    /// Demands that these answers are as the table says.
    pub(super) fn are(answers: &[Answer], fault: &Fault) -> Outcome {
        ensure!(answers.len() == 3, "a client is missing");
        answers.iter().try_for_each(|answer| answer.is(fault))
    }

    /// Demands that so many reservations of bytes are left as the table says.
    pub(super) async fn has_reserved(&self, fault: &Fault) -> Outcome {
        let copy = tempfile::tempdir()?;
        let database = match &self.database {
            Kept::In(url) => Database { url: url.clone() },
            // A copy, because the file has one owner, who runs.
            Kept::Beside(data) => {
                for file in ["proget.db", "proget.db-wal"] {
                    if data.join(file).exists() {
                        std::fs::copy(data.join(file), copy.path().join(file))?;
                    }
                }
                Database { url: format!("sqlite://{}", copy.path().join("proget.db").display()) }
            }
        };
        let connection = database.connect().await?;
        let query = "SELECT COUNT(*) AS n FROM blobs WHERE state = 0";
        let query = Statement::from_string(connection.get_database_backend(), query);
        let row = connection.query_one_raw(query).await?.context("COUNT gave no row")?;
        let reserved: i64 = row.try_get("", "n")?;
        connection.close().await?;
        ensure!(fault.reserved.contains(&reserved), "{reserved} digests are reserved");
        Ok(())
    }

    /// The cause is gone: the same uploads succeed, and no byte of anything is wrong.
    pub(super) async fn recovers(&self, uploads: &[Upload]) -> Outcome {
        for upload in uploads {
            upload.send(&self.server).await?.is_success()?;
        }
        self.serves().await?;
        let verify = self.server.command_line(&["verify"]);
        let verify = verify.as_std();
        let mut inside = Command::new("nsenter");
        inside.args(["--mount", "--target", &self.server.id()?.to_string(), "--"]);
        inside.arg(verify.get_program()).args(verify.get_args()).env_clear();
        inside.envs(verify.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let done = inside.output()?;
        ensure!(done.status.success(), "verify: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

/// A path as the server sees it, which may have file systems of its own.
pub(super) fn seen(server: &ProgetProcess, path: &Path) -> Outcome<PathBuf> {
    Ok(Path::new(&format!("/proc/{}/root", server.id()?)).join(path.strip_prefix("/")?))
}

/// Does this file tell that the server is there, and nothing else? It leaves a new one every quarter of a
/// minute, whatever else it does. One that has gone since it was seen did.
fn is_beacon(file: &Path, size: u64) -> bool {
    size < 100
        && std::fs::read(file).map_or_else(
            |error| error.kind() == std::io::ErrorKind::NotFound,
            |text| text.starts_with(b"proget node "),
        )
}

fn files_below(folder: &Path, found: &mut Vec<String>) -> Outcome {
    let entries = match std::fs::read_dir(folder) {
        // A process takes its own folder with it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("reading {}", folder.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        // Uploads go while one looks.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            files_below(&entry.path(), found)?;
        } else if entry.file_name() != "lock" && !is_beacon(&entry.path(), about.len()) {
            found.push(format!("{} {}", entry.path().display(), about.len()));
        }
    }
    Ok(())
}
