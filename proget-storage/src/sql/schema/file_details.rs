//! Step 2: more about a file than indexes need.
//!
//! A table of its own, because most files have none, and because a build that does not know it works beside it.

use super::{Fill, Step};

pub(super) const STEP: Step =
    Step { number: 2, name: "file-details", oldest: 1, statements: |_| STATEMENTS, fill: Fill::Nothing };

const STATEMENTS: &[&str] = &["CREATE TABLE IF NOT EXISTS file_details (
        file_id BIGINT NOT NULL PRIMARY KEY,
        detail {bytes} NOT NULL,
        FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE CASCADE
    ) {table}"];
