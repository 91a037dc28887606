//! Schedules for administrators: which there are, and changing them. When one is due is decided by whoever
//! dispatches; the pattern of times was checked by the caller.

use super::Registry;
use crate::access::{Permission, Principal};
use crate::catalog::{Action, JobChange, JournalEntry, ScheduleRow};
use crate::problem::Problem;

impl Registry {
    /// All schedules by name.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn schedules(&self, caller: &Principal) -> Result<Vec<ScheduleRow>, Problem> {
        self.demand(caller, Permission::Administer)?;
        Ok(self.fresh.read().schedules().await?)
    }

    /// Makes a schedule, or changes it; `last` of the row does not count. Of two changes at once the later
    /// one stays.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn put_schedule(&self, caller: &Principal, wanted: ScheduleRow) -> Result<(), Problem> {
        let ScheduleRow { name, cron, kind, key, input, enabled, last: _ } = wanted;
        let subject = format!("schedule {name}: {kind}, {cron}{}", if enabled { "" } else { ", disabled" });
        let put = JobChange::PutSchedule { name, cron, kind, key, input, enabled };
        self.change_schedules(caller, put, subject).await
    }

    /// Removes a schedule; jobs that it wanted stay. Nothing happens if there is none.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn remove_schedule(&self, caller: &Principal, name: &str) -> Result<(), Problem> {
        let remove = JobChange::RemoveSchedule(name.to_owned());
        self.change_schedules(caller, remove, format!("schedule {name} removed")).await
    }

    async fn change_schedules(
        &self,
        caller: &Principal,
        change: JobChange,
        subject: String,
    ) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let entry = JournalEntry { action: Action::JobsChanged, feed: None, subject };
        self.fresh.commit(self.for_caller(caller).with(change).record(entry)).await?;
        Ok(())
    }
}
