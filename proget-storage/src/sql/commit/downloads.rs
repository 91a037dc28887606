//! Adding to download counts, per file and day of the database's clock.

use super::super::fault::{Fault, Meaning};
use super::super::session::Session;
use proget_core::ids::FileId;
use sea_orm::Value;
use std::collections::BTreeMap;

/// Rows of one statement.
const CHUNK: usize = 200;

pub(super) async fn count(session: &Session, counts: &[(FileId, u64)]) -> Result<(), Fault> {
    // Sorted, so that two nodes that flush at once lock in one order; summed, because one upsert
    // may not meet a row twice.
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for (file, times) in counts {
        let sum = sums.entry(file.0).or_default();
        *sum = sum.saturating_add(i64::try_from(*times).unwrap_or(i64::MAX));
    }
    let sums: Vec<(i64, i64)> = sums.into_iter().collect();
    for chunk in sums.chunks(CHUNK) {
        // Joined with the files that exist: those that are gone are passed over.
        let rows = vec!["SELECT ? AS id, ? AS times"; chunk.len()].join(" UNION ALL ");
        let sql = format!(
            "INSERT INTO downloads (file_id, day, times) \
             SELECT f.id, {{today}}, c.times FROM ({rows}) c JOIN files f ON f.id = c.id WHERE 1 = 1 \
             {{upsert file_id, day}} times = downloads.times + {{new times}}"
        );
        let values =
            chunk.iter().flat_map(|(file, times)| [Value::from(*file), Value::from(*times)]).collect();
        // A file that is deleted after the join has seen it: the next attempt passes it over.
        let counted = session.exec(&sql, values).await.map_err(Fault::from);
        counted.map_err(|fault| if fault.meaning() == Meaning::Referred { Fault::Raced } else { fault })?;
    }
    Ok(())
}
