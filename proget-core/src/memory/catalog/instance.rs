//! The instance row and the fences.

use super::MemoryCatalog;
use super::state::State;
use crate::catalog::{
    CatalogError, ChangeSet, Conflict, Durability, FenceChange, FenceRow, Instance, InstanceChange,
    InstanceRow, Role, SettingRow,
};
use crate::ids::Stamp;
use async_trait::async_trait;

impl State {
    /// Equality, not "at least": a term that was never planted may act no more than an old one.
    pub(super) fn check_fence(&self, set: &ChangeSet) -> Result<(), CatalogError> {
        let may = match set.fence {
            Some(fence) => {
                let claimed = FenceRow { term: fence.term, holder: fence.holder };
                self.fences.get(&fence.role) == Some(&claimed)
            }
            None => !set.must_be_fenced(),
        };
        if may { Ok(()) } else { Err(CatalogError::Fenced) }
    }

    pub(super) fn change_fence(&mut self, change: FenceChange) -> Result<(), Conflict> {
        let FenceChange::Plant { role, term, holder } = change;
        if self.fences.get(&role).is_some_and(|planted| planted.term >= term) {
            return Err(Conflict::TermTooLow);
        }
        self.fences.insert(role, FenceRow { term, holder });
        Ok(())
    }

    pub(super) fn change_instance(&mut self, change: InstanceChange) -> Result<(), Conflict> {
        match change {
            InstanceChange::Witness { previous, next, identity } => {
                if self.witness != previous {
                    return Err(Conflict::InstanceChanged);
                }
                self.witness = Some(next);
                self.known_identity = Some(identity);
            }
            InstanceChange::StopDeletes(why) => self.deletes_stopped = Some(why),
            InstanceChange::ConfirmDeletes => {
                self.deletes_stopped = None;
                self.known_identity = None;
            }
            InstanceChange::Mode { from, mode, service_node } => {
                if self.revision != from {
                    return Err(Conflict::InstanceChanged);
                }
                (self.mode, self.service_node, self.revision) = (mode, service_node, Stamp::random());
            }
            InstanceChange::Settle(node) => {
                if self.service_node.is_none() {
                    (self.service_node, self.revision) = (Some(node), Stamp::random());
                }
            }
            InstanceChange::Set { name, value } => {
                match value {
                    Some(value) => drop(self.settings.insert(name, value)),
                    None => drop(self.settings.remove(&name)),
                }
                self.revision = Stamp::random();
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Instance for MemoryCatalog {
    async fn instance(&self) -> Result<InstanceRow, CatalogError> {
        let (now, state) = (self.now(), self.state());
        Ok(InstanceRow {
            installation: state.installation,
            witness: state.witness,
            deletes_stopped: state.deletes_stopped.clone(),
            known_identity: state.known_identity.clone(),
            // Memory cannot be restored or cloned, so what it is and what it holds are the same.
            identity: format!("memory {}", state.installation.simple()),
            mode: state.mode,
            service_node: state.service_node.clone(),
            revision: state.revision,
            now,
        })
    }

    async fn fence(&self, role: Role) -> Result<Option<FenceRow>, CatalogError> {
        Ok(self.state().fences.get(&role).copied())
    }

    async fn settings(&self) -> Result<Vec<SettingRow>, CatalogError> {
        let state = self.state();
        let rows = state.settings.iter();
        Ok(rows.map(|(name, value)| SettingRow { name: name.clone(), value: value.clone() }).collect())
    }

    async fn revision(&self) -> Result<Stamp, CatalogError> {
        Ok(self.state().revision)
    }

    async fn durability(&self) -> Result<Durability, CatalogError> {
        Ok(Durability::Memory)
    }
}
