//! Nodes whose ways to the database and to the package store are the test's own to harm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proget_tests::{Cluster, Cutting, Database, Outcome, Passage};

use super::house::{GRACE, House};

/// What all nodes share of a package store, below its root.
const BLOBS: &str = "blobs";

/// Each node's own ways.
pub(super) struct Wires {
    databases: BTreeMap<&'static str, Cutting>,
    folder: tempfile::TempDir,
    store: PathBuf,
}

/// A cluster in high availability, each node with a network and a mount of its own.
pub(super) async fn wired(database: &Database) -> Outcome<(House, Wires)> {
    let mut cluster = Cluster::new(database, &format!("{}s", GRACE.as_secs()))?;
    let folder = tempfile::tempdir()?;
    let mut wires = Wires { databases: BTreeMap::new(), folder, store: cluster.store().to_owned() };
    for name in ["a", "b", "c"] {
        let wire = Cutting::before(&database.url).await?;
        wires.attach(name)?;
        let (url, mount) = (wire.url().to_owned(), wires.mount(name));
        cluster.vary(name, |setup| setup.env("PROGET_DATABASE_URL", url).packages_in(&mount));
        wires.databases.insert(name, wire);
    }
    Ok((House::built(database, cluster).await?, wires))
}

impl Wires {
    /// What becomes of what passes between a node and the database.
    pub(super) fn set(&self, name: &str, passage: Passage) -> Outcome {
        self.databases.get(name).with_context(|| format!("{name} has no wire"))?.set(passage);
        Ok(())
    }

    fn mount(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives a node its way to the package store. A store follows links to its root once, when it is opened, so
    /// the way is a link below that; scratch is the node's own.
    fn attach(&self, name: &str) -> Outcome {
        let blobs = self.store.join(BLOBS);
        std::fs::create_dir_all(&blobs)?;
        self.lead(name, &blobs)
    }

    /// Takes it away: the folder leads nowhere, as that of a network file system that is gone.
    pub(super) fn detach(&self, name: &str) -> Outcome {
        self.lead(name, Path::new("/nowhere/at/all"))
    }

    /// Gives it back.
    pub(super) fn reattach(&self, name: &str) -> Outcome {
        self.attach(name)
    }

    fn lead(&self, name: &str, to: &Path) -> Outcome {
        let (mount, new) = (self.mount(name), self.folder.path().join(format!("{name}.new")));
        std::fs::create_dir_all(&mount)?;
        std::os::unix::fs::symlink(to, &new)?;
        Ok(std::fs::rename(&new, mount.join(BLOBS))?)
    }
}
