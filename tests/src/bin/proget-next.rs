//! The program of the next release, for tests of upgrades: today's sources with fixtures of steps that
//! change the schema. `FIXTURE_STEPS` says which: `expand`, as the next release may do it while today's
//! programs work beside it, or `contract`, as the one after that does it. Nobody ships this program.

use proget_server::proget_storage::sql::{LaterStep, schemas};
use std::process::ExitCode;

/// A table, a column of a table that every publish writes to, an index on it.
const EXPANDING: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS next_notes (id {id}, note {text} NOT NULL) {table}",
    "ALTER TABLE versions ADD COLUMN next_mark BIGINT",
    "CREATE INDEX versions_by_next_mark ON versions (next_mark)",
];

/// Takes away what an older release still read.
const CONTRACTING: &[&str] = &["DROP TABLE next_notes"];

fn main() -> ExitCode {
    let [oldest, newest] = schemas();
    let expand = LaterStep { number: newest + 1, name: "next-expands", oldest, statements: EXPANDING };
    let contract =
        LaterStep { number: newest + 2, name: "next-contracts", oldest: newest + 1, statements: CONTRACTING };
    let steps = match std::env::var("FIXTURE_STEPS").as_deref() {
        Ok("expand") => vec![expand],
        Ok("contract") => vec![expand, contract],
        _ => {
            eprintln!("set FIXTURE_STEPS to expand or contract; this program is for tests of upgrades");
            return ExitCode::FAILURE;
        }
    };
    proget_server::be_a_later_release(steps);
    proget_server::cli::main()
}
