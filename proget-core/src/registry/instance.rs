//! The instance as a whole: its mode, its settings, its jobs as operators see and change them, and
//! whether this process takes publishes.

use super::Registry;
use crate::access::{Permission, Principal};
use crate::catalog::{
    Action, CatalogError, Conflict, InstanceChange, InstanceRow, JobChange, JobFilter, JobLine, JobRow,
    JournalEntry, JournalRow, NewJob, Page, PageRequest, SettingRow,
};
use crate::cluster::{ClusterMode, NodeName};
use crate::ids::{Incarnation, JobId, Stamp};
use crate::problem::Problem;

impl Registry {
    /// The instance and its settings, for who administers.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn instance(&self, caller: &Principal) -> Result<(InstanceRow, Vec<SettingRow>), Problem> {
        self.demand(caller, Permission::Administer)?;
        let row = self.fresh.read().instance().await?;
        Ok((row, self.fresh.read().settings().await?))
    }

    /// Changes how the nodes divide the background work, if nobody has changed the instance since
    /// `judged` was read. Whether it *should* be changed is judged by the cluster's checklist.
    ///
    /// # Errors
    /// `Forbidden`, `Changed`, `Busy`.
    pub async fn set_mode(
        &self,
        caller: &Principal,
        judged: Stamp,
        mode: ClusterMode,
        service_node: Option<NodeName>,
    ) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let subject = match &service_node {
            Some(node) if mode != ClusterMode::HighAvailability => {
                format!("mode {mode}, service node {node}")
            }
            _ => format!("mode {mode}"),
        };
        let change = InstanceChange::Mode { from: judged, mode, service_node };
        self.change_instance(caller, subject, [change]).await
    }

    /// Sets settings of the instance, or removes those without a value. `subject` says so in the journal.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn set_settings(
        &self,
        caller: &Principal,
        subject: String,
        settings: impl IntoIterator<Item = (String, Option<String>)>,
    ) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let changes = settings.into_iter().map(|(name, value)| InstanceChange::Set { name, value });
        self.change_instance(caller, subject, changes).await
    }

    async fn change_instance(
        &self,
        caller: &Principal,
        subject: String,
        changes: impl IntoIterator<Item = InstanceChange>,
    ) -> Result<(), Problem> {
        let mut set = self.for_caller(caller);
        set.changes.extend(changes.into_iter().map(Into::into));
        let entry = JournalEntry { action: Action::InstanceChanged, feed: None, subject };
        self.fresh.commit(set.record(entry)).await?;
        Ok(())
    }

    /// What was done, by whom and when, newest first.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn journal(&self, caller: &Principal, page: &PageRequest) -> Result<Page<JournalRow>, Problem> {
        self.demand(caller, Permission::Administer)?;
        Ok(self.fresh.read().journal(page).await?)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn jobs(
        &self,
        caller: &Principal,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<JobRow>, Problem> {
        self.demand(caller, Permission::Administer)?;
        Ok(self.fresh.read().jobs(filter, page).await?)
    }

    /// One job, with the lines of its log after that number.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Busy`.
    pub async fn job(
        &self,
        caller: &Principal,
        id: JobId,
        after: i64,
        limit: u32,
    ) -> Result<(JobRow, Vec<JobLine>), Problem> {
        self.demand(caller, Permission::Administer)?;
        let read = self.fresh.read();
        let row = read.job(id).await?.ok_or_else(|| Problem::NotFound(format!("there is no job {id}")))?;
        Ok((row, read.job_log(id, after, limit).await?))
    }

    /// Wants a job done; whether a node knows its kind shows when one claims it.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn enqueue(&self, caller: &Principal, job: NewJob) -> Result<JobId, Problem> {
        self.demand(caller, Permission::Administer)?;
        let subject = format!("job {} wanted", job.kind);
        let entry = JournalEntry { action: Action::JobsChanged, feed: None, subject };
        let set = self.for_caller(caller).with(JobChange::Enqueue(job)).record(entry);
        let committed = self.fresh.commit(set).await?;
        let id = committed.enqueued.first().copied();
        id.ok_or_else(|| Problem::internal("enqueuing a job", &std::io::Error::other("no number came back")))
    }

    /// Wants a job to end; one that runs is told and ends when it can.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` if there is none; `Changed` if it is over; `Busy`.
    pub async fn cancel_job(&self, caller: &Principal, id: JobId) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let entry =
            JournalEntry { action: Action::JobsChanged, feed: None, subject: format!("job {id} called off") };
        let set = self.for_caller(caller).with(JobChange::Cancel(id)).record(entry);
        match self.fresh.commit(set).await {
            Ok(_) => Ok(()),
            Err(CatalogError::Conflict(Conflict::Absent)) => Err(match self.fresh.read().job(id).await? {
                Some(row) => Problem::Changed(format!("job {id} is over already: {}", row.state)),
                None => Problem::NotFound(format!("there is no job {id}")),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Whatever a removed process had claimed may be claimed by others now.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn release_claims_of(
        &self,
        caller: &Principal,
        node: &NodeName,
        gone: Incarnation,
    ) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let subject = format!("node {node} removed");
        let entry = JournalEntry { action: Action::ClusterEvent, feed: None, subject };
        let set = self.for_caller(caller).with(JobChange::ReleaseAllOf(gone)).record(entry);
        self.fresh.commit(set).await?;
        Ok(())
    }

    /// From now on this process takes no publishes, for this reason, or takes them again. Reading goes
    /// on; publishes that have been admitted come to their end.
    pub fn hold_publishes(&self, why: Option<&'static str>) {
        *self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
    }

    /// Why this process takes no publishes, if so.
    #[must_use]
    pub fn publishes_held(&self) -> Option<&'static str> {
        *self.held.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
