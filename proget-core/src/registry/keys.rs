//! Which key seals, and secrets that are sealed: changed as the judgements in [`keys`](crate::keys) allow it.

use super::Registry;
use crate::access::{Permission, Principal};
use crate::catalog::{Action, CatalogError, Change, Conflict, JobChange, JournalEntry, NewJob};
use crate::ids::JobId;
use crate::keys::{
    KeyChange, KeyMissing, KeyRing, KeySettings, LONGEST_NAME, Retirement, SecretBytes, SecretChange, Stored,
};
use crate::problem::Problem;
use crate::refusal::Refusal;

/// So often a change is tried again when others change the keys at the same moment.
const ATTEMPTS: usize = 5;

impl Registry {
    /// Changes the key that seals, and the canary with it, if that key is still the one that was judged.
    ///
    /// # Errors
    /// `Forbidden`; `Changed`, then the judgement is repeated; `Busy`.
    pub async fn change_keys(&self, caller: &Principal, change: KeyChange) -> Result<(), Problem> {
        self.change_and_want(caller, change, None).await.map(|_| ())
    }

    /// As [`change_keys`](Self::change_keys); and in the same commit the job is wanted that seals old
    /// values anew, so that no promotion goes without. Answers its number.
    ///
    /// # Errors
    /// `Forbidden`; `Changed`, then the judgement is repeated; `Busy`.
    pub async fn promote_key(
        &self,
        caller: &Principal,
        change: KeyChange,
        reseal: NewJob,
    ) -> Result<JobId, Problem> {
        let id = self.change_and_want(caller, change, Some(reseal)).await?;
        id.ok_or_else(|| Problem::internal("enqueuing a job", &std::io::Error::other("no number came back")))
    }

    async fn change_and_want(
        &self,
        caller: &Principal,
        change: KeyChange,
        job: Option<NewJob>,
    ) -> Result<Option<JobId>, Problem> {
        self.demand(caller, Permission::Administer)?;
        let KeyChange { expect, changes, subject } = change;
        let mut set = self.for_caller(caller).expect(expect);
        set.changes.extend(changes.map(Change::from));
        set.changes.extend(job.map(JobChange::Enqueue).map(Change::from));
        let entry = JournalEntry { action: Action::InstanceChanged, feed: None, subject };
        let committed = self.fresh.commit(set.record(entry)).await?;
        Ok(committed.enqueued.first().copied())
    }

    /// Retires a key, if all is as it was judged.
    ///
    /// # Errors
    /// `Forbidden`; `Changed`, then the judgement is repeated; `Busy`.
    pub async fn retire_key(&self, caller: &Principal, retirement: Retirement) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        let Retirement { expect, change, subject, .. } = retirement;
        let mut set = self.for_caller(caller).with(change);
        set.expect.extend(expect);
        let entry = JournalEntry { action: Action::InstanceChanged, feed: None, subject };
        self.fresh.commit(set.record(entry)).await?;
        Ok(())
    }

    /// Keeps a secret under a name, sealed with the key that seals at this moment, or removes the one that
    /// is there. Names say what the secret is and whose, such as `store-secret/7`.
    ///
    /// # Errors
    /// `Forbidden`; `Refused` without a key that seals, or for a name that is too long; `Changed` if the
    /// keys change all the while; `Busy`.
    pub async fn keep_secret(
        &self,
        caller: &Principal,
        ring: Option<&KeyRing>,
        name: &str,
        secret: Option<&[u8]>,
    ) -> Result<(), Problem> {
        self.demand(caller, Permission::Administer)?;
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Refusal::new("name", format!("must have 1 to {LONGEST_NAME} bytes")).into());
        }
        for _ in 0..ATTEMPTS {
            let change = match secret {
                None => SecretChange::forget(name),
                Some(secret) => {
                    let rows = self.fresh.read().settings().await?;
                    let settings = KeySettings::read(&rows)
                        .map_err(|error| Problem::internal("reading which key seals", &error))?;
                    let (Some(ring), Some(sealing)) = (ring, settings.sealing) else {
                        let what = "is needed to keep secrets; 'proget keys generate' makes one";
                        return Err(Refusal::new("encryption key", what).into());
                    };
                    SecretChange::seal(name, secret, ring, sealing)
                        .map_err(|error| Problem::internal("sealing a secret", &error))?
                }
            };
            let mut set = self.for_caller(caller).with(change.change);
            set.expect.extend(change.expect);
            let subject = format!("secret {name}");
            let entry = JournalEntry { action: Action::InstanceChanged, feed: None, subject };
            match self.fresh.commit(set.record(entry)).await {
                Ok(_) => return Ok(()),
                // Another key seals now.
                Err(CatalogError::Conflict(Conflict::InstanceChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::Changed("the keys are changed all the while; try again".into()))
    }

    /// A secret that was kept under this name, with whichever key of the ring it was sealed; for those who
    /// use it, never to be answered to a caller.
    ///
    /// # Errors
    /// `Busy`; `Internal` if it does not open here.
    pub async fn secret(&self, ring: Option<&KeyRing>, name: &str) -> Result<Option<SecretBytes>, Problem> {
        let rows = self.fresh.read().settings().await?;
        let all = Stored::read(&rows).map_err(|error| Problem::internal("reading a secret", &error))?;
        let Some(stored) = all.into_iter().find(|one| one.name == name) else { return Ok(None) };
        let opened = match ring {
            Some(ring) => stored.open(ring),
            None => Err(KeyMissing(stored.sealed.key()).into()),
        };
        opened.map(Some).map_err(|error| Problem::internal("opening a secret", &error))
    }
}
