//! The journal.

use super::MemoryCatalog;
use super::reading::page;
use super::state::State;
use crate::catalog::{CatalogError, Journal, JournalRow, Page, PageRequest};
use crate::ids::ChangeId;
use async_trait::async_trait;

impl State {
    pub(super) fn write_journal(&mut self, row: JournalRow) -> Result<(), CatalogError> {
        if self.journal.iter().any(|known| known.change == row.change) {
            // Ids are random, so this is a caller that commits one set twice.
            return Err(CatalogError::Other {
                doing: "writing the journal: the set was committed before",
                source: None,
            });
        }
        self.journal.push(row);
        Ok(())
    }
}

#[async_trait]
impl Journal for MemoryCatalog {
    async fn entry(&self, change: ChangeId) -> Result<Option<JournalRow>, CatalogError> {
        Ok(self.state().journal.iter().find(|row| row.change == change).cloned())
    }

    async fn journal(&self, request: &PageRequest) -> Result<Page<JournalRow>, CatalogError> {
        let state = self.state();
        let after: Option<usize> = request.after.as_ref().and_then(|after| after.0.parse().ok());
        let rows = state.journal.iter().enumerate().rev();
        let rows = rows.filter(|(number, _)| after.is_none_or(|after| *number < after));
        let numbered = page(rows, request, |(number, _)| number.to_string());
        let rows = numbered.rows.into_iter().map(|(_, row)| row.clone()).collect();
        Ok(Page { rows, next: numbered.next })
    }
}
