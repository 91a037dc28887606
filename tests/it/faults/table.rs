//! The faults in words. Tests take status and text from here, and `docs/BAD-INPUT.md` is made from
//! it: `UPDATE_BAD_INPUT=1 cargo test -p proget-tests --test it faults::table`.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::Outcome;

/// One fault.
pub(super) struct Fault {
    /// What breaks, and when.
    what: &'static str,
    /// What each client is answered.
    pub(super) status: u16,
    /// And told.
    pub(super) says: &'static str,
    /// How many reservations are left of the three uploads.
    pub(super) reserved: RangeInclusive<i64>,
    /// How the cause goes away.
    mended: &'static str,
}

impl Fault {
    fn left(&self) -> &'static str {
        match self.reserved.clone().into_inner() {
            (_, 0) => "nothing",
            (0, _) => "nothing, or a reservation of its digest",
            _ => "a reservation of its digest",
        }
    }
}

pub(super) const STAGING_FULL: Fault = Fault {
    what: "the disk with store and scratch is full before the upload is",
    status: 503,
    says: "busy with the package store, which is full; try again in 5 s",
    reserved: 0..=0,
    mended: "the disk is made larger",
};
pub(super) const STORE_FULL: Fault = Fault {
    what: "scratch lies on another disk, and that of the store is full when the upload is put there",
    status: 503,
    says: "busy with the package store, which is full; try again in 5 s",
    reserved: 3..=3,
    mended: "the disk is made larger",
};
pub(super) const STORE_CLOSED: Fault = Fault {
    what: "the store may no longer be written; downloads go on",
    status: 503,
    says: "busy with the package store, which denies access; try again in 5 s",
    reserved: 0..=0,
    mended: "the store may be written again",
};
pub(super) const SQLITE_FULL: Fault = Fault {
    what: "the disk with the SQLite database is full; downloads go on",
    status: 503,
    says: "busy with the database; try again in 5 s",
    reserved: 0..=1,
    mended: "a file is removed from the disk",
};
pub(super) const STOPPED: Fault = Fault {
    what: "the database server (PostgreSQL, MariaDB) is stopped in the middle of an upload",
    status: 503,
    says: "busy with the database; try again in 5 s",
    reserved: 0..=0,
    mended: "the database is started again",
};
pub(super) const KILLED: Fault = Fault {
    what: "the database server (PostgreSQL, MariaDB) is killed in the middle of an upload",
    status: 503,
    says: "busy with the database; try again in 5 s",
    reserved: 0..=0,
    mended: "the database is started again and recovers",
};
pub(super) const FROZEN: Fault = Fault {
    what: "all processes of PostgreSQL stand still in the middle of an upload",
    status: 503,
    says: "busy with the database; try again in 5 s",
    reserved: 0..=3,
    mended: "they go on; or the database gives the abandoned transaction up",
};

const ALL: &[&Fault] = &[&STAGING_FULL, &STORE_FULL, &STORE_CLOSED, &SQLITE_FULL, &STOPPED, &KILLED, &FROZEN];

fn rows() -> String {
    let mut text = String::from(
        "\nEach is tried with npm, PyPI and Cargo uploads at once. Every answer has `Retry-After`; the package\n",
    );
    text += "that was there before is served again afterwards, `proget verify` finds no damage, and the same\nupload, sent again, succeeds. A reservation is a row of the catalogue that nobody sees and that names\nno bytes yet; the next attempt takes it over, otherwise it is swept after ten minutes.\n\n";
    text += "| what breaks | answer | what the clients see | what is left of the upload | what ends it |\n|---|---|---|---|---|\n";
    for fault @ Fault { what, status, says, mended, .. } in ALL {
        let left = fault.left();
        // Writing into a String cannot fail.
        let _ = writeln!(text, "| {what} | {status} | `{says}` | {left} | {mended} |");
    }
    text + "\n"
}

#[test]
fn the_document_shows_the_faults() -> Outcome {
    const BEGIN: &str = "<!-- faults: begin -->\n";
    const END: &str = "<!-- faults: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BAD-INPUT.md");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("the document lacks the first marker")?;
    let (found, after) = rest.split_once(END).context("the document lacks the second marker")?;
    if std::env::var_os("UPDATE_BAD_INPUT").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", rows()))?;
        return Ok(());
    }
    ensure!(found == rows(), "run: UPDATE_BAD_INPUT=1 cargo test -p proget-tests --test it faults::table");
    Ok(())
}
