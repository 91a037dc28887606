//! Reading role: stamps. The hottest statement there is.
//!
//! All questions are one statement of many small look-ups, so it is one round trip and, being one
//! statement, one moment, on every database. Questions are grouped by what they ask of and filled up
//! to a power of two with repetitions, so that the databases see few different texts and can keep
//! them prepared.

use super::super::dialect::Dialect;
use super::super::fault::Fault;
use super::super::session::{Columns, values};
use super::super::{SqlCatalog, steady};
use async_trait::async_trait;
use proget_core::catalog::{CatalogError, StampOf, Stamps};
use proget_core::ids::Stamp;
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

/// SQLite takes at most 500 parts in one statement. More questions become several statements in
/// one snapshot.
const PARTS: usize = 400;

#[async_trait]
impl Stamps for SqlCatalog {
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        steady!(self, "reading stamps", async {
            let pools = self.pools();
            if of.len() <= PARTS {
                let (sql, values) = asked(of);
                let rows = pools.hot(&sql, values).await?;
                return answers(of, pools.dialect, &rows);
            }
            let snapshot = pools.snapshot().await?;
            let mut all = Vec::with_capacity(of.len());
            for of in of.chunks(PARTS) {
                let (sql, values) = asked(of);
                all.extend(answers(of, pools.dialect, &snapshot.all(&sql, values).await?)?);
            }
            Ok(all)
        })
    }
}

/// The questions as one statement.
fn asked(of: &[StampOf]) -> (String, Vec<Value>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    for kind in 0..5 {
        let questions: Vec<(usize, &StampOf)> =
            of.iter().enumerate().filter(|(_, of)| kind_of(of) == kind).collect();
        let Some(last) = questions.last() else { continue };
        let padding = questions.len().next_power_of_two().min(PARTS).saturating_sub(questions.len());
        let padded = questions.iter().copied().chain(std::iter::repeat_n((of.len(), last.1), padding));
        for (place, question) in padded {
            let (sql, wanted) = look_up(question);
            parts.push(format!("SELECT {{whole ?}}, {sql}"));
            values.push(Value::from(i64::try_from(place).unwrap_or(i64::MAX)));
            values.extend(wanted);
        }
    }
    (parts.join(" UNION ALL "), values)
}

/// Its rows, as answers to the same questions.
fn answers(of: &[StampOf], dialect: Dialect, rows: &[QueryResult]) -> Result<Vec<Option<Stamp>>, Fault> {
    let mut answers: Vec<Option<Stamp>> = vec![None; of.len()];
    for row in rows {
        let mut columns = Columns::of(row, dialect);
        let (place, stamp) = (columns.int()?, columns.uuid()?);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(answer) = answers.get_mut(place) {
            // A feed's content answers with one row a slot. Slots are random, so their sum without
            // carry is: it changes with each of them and does not come back.
            let before = answer.map_or(0, |stamp| stamp.0.as_u128());
            *answer = Some(Stamp(Uuid::from_u128(before ^ stamp.as_u128())));
        }
    }
    Ok(answers)
}

fn kind_of(of: &StampOf) -> usize {
    match of {
        StampOf::Feed(_) => 0,
        StampOf::Content(_) => 1,
        StampOf::Package(..) => 2,
        StampOf::User(_) => 3,
        StampOf::Key(_) => 4,
    }
}

fn look_up(of: &StampOf) -> (&'static str, Vec<Value>) {
    match of {
        StampOf::Feed(name) => (
            "f.revision FROM feed_names n JOIN feeds f ON f.id = n.feed_id WHERE n.name_key = ?",
            values![name.as_str()],
        ),
        StampOf::Content(feed) => ("stamp FROM feed_stamps WHERE feed_id = ?", values![feed.0]),
        StampOf::Package(feed, name) => {
            ("stamp FROM packages WHERE feed_id = ? AND name_key = ?", values![feed.0, name.as_str()])
        }
        StampOf::User(name) => ("revision FROM users WHERE name_key = ?", values![name.as_str()]),
        StampOf::Key(hash) => ("revision FROM api_keys WHERE hash = ?", values![hash.0.0.to_vec()]),
    }
}
