//! The cluster as an administrator deals with it: look, change the mode, configure, drain, remove.
//!
//! It needs no running node: everything here is read from and written to what all nodes share, and
//! they do what was decided at their next beat. So the command line does the same as the API.

use super::advice;
use super::checklist::{self, Candidate, Finding, Question};
use super::overview::{self, Read};
use super::settings::{self, BadSetting, ClusterSettings, ServiceWish, TimingSetting};
use super::status::ClusterStatus;
use crate::election::{Election, ElectionError, Holding};
use crate::membership::{Component, Membership, MembershipError, Removal, Roster, Standing};
use crate::messenger::Messenger;
use proget_core::access::Permission;
use proget_core::catalog::{CatalogError, InstanceRow, Role};
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::Incarnation;
use proget_core::keys::KeyRing;
use proget_core::{Principal, Problem, Refusal, Registry};
use std::sync::Arc;

/// What the composition knows about this instance and a roster cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Can several processes share the database?
    pub shared_database: bool,
    /// Does the database's address name one host only?
    pub single_database_host: bool,
    /// Can several nodes see the package store, as far as the store itself says?
    pub shared_store: bool,
    /// Has this node an encryption key?
    pub has_key: bool,
}

/// The cluster, for administrators.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Who answers.
    pub me: NodeName,
    /// The use-cases.
    pub registry: Arc<Registry>,
    /// The roster.
    pub membership: Arc<dyn Membership>,
    /// The register of leases.
    pub election: Arc<dyn Election>,
    /// The roles there are.
    pub roles: Vec<Role>,
    /// What the composition knows.
    pub facts: Facts,
    /// What tells the nodes that settings have changed.
    pub messenger: Arc<dyn Messenger>,
    /// The encryption keys of whoever answers.
    pub keys: Option<KeyRing>,
}

/// A change of what the instance has decided about its cluster. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Configuration {
    /// Timings: a preset, or single values.
    #[serde(flatten)]
    pub timing: TimingSetting,
    /// How many servers may be here; 0: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_servers: Option<u32>,
    /// After how many seconds a departed server is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget_after: Option<u64>,
}

/// What came of a wish for another mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeChange {
    /// Was it made?
    pub made: bool,
    /// What speaks against it, or is worth a word.
    pub findings: Vec<Finding>,
}

impl Cluster {
    /// Who is here, who holds what, what is wrong and what to do about it: read now, not remembered.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn status(&self, caller: &Principal) -> Result<ClusterStatus, Problem> {
        self.registry.demand(caller, Permission::Administer)?;
        let (row, settings) = self.read(caller).await?;
        let roster = self.membership.roster().await.map_err(away)?;
        // Where leases are kept elsewhere they may be away alone, and then the status is wanted most.
        let (leases, problem) = match self.election.look(&self.roles).await {
            Ok(leases) => (leases, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let (answered_by, settings) = (&self.me, &settings);
        let durability = self.registry.fresh().read().durability().await?;
        let read = Read { answered_by, row: &row, settings, roster: &roster, leases: &leases, durability };
        let mut status = overview::status(&read);
        status.warnings.splice(0..0, problem.iter().map(advice::register_away));
        status.messenger = self.messenger.status().map(|told| overview::named(told, &roster));
        status.warnings.extend(status.messenger.iter().flat_map(advice::about_messenger));
        Ok(status)
    }

    async fn read(&self, caller: &Principal) -> Result<(InstanceRow, ClusterSettings), Problem> {
        let (row, rows) = self.registry.instance(caller).await?;
        Ok((row, ClusterSettings::read(&rows)))
    }

    /// What speaks against another mode.
    ///
    /// # Errors
    /// `Forbidden`, `Busy`.
    pub async fn check_mode(
        &self,
        caller: &Principal,
        to: ClusterMode,
        service_node: Option<NodeName>,
    ) -> Result<Vec<Finding>, Problem> {
        let (row, settings) = self.read(caller).await?;
        let roster = self.membership.roster().await.map_err(away)?;
        Ok(checklist::check(&self.question(&row, &settings, &roster, to, service_node)))
    }

    /// Changes the mode, if nothing refuses. Without a service node the present primary becomes it when
    /// high availability is switched off, and otherwise it stays who it is.
    ///
    /// # Errors
    /// `Forbidden`; `Changed` if somebody else changed the instance meanwhile; `Busy`.
    pub async fn set_mode(
        &self,
        caller: &Principal,
        to: ClusterMode,
        service_node: Option<NodeName>,
    ) -> Result<ModeChange, Problem> {
        let (row, settings) = self.read(caller).await?;
        let roster = self.membership.roster().await.map_err(away)?;
        let service_node = match service_node {
            Some(named) => Some(named),
            None if row.mode == ClusterMode::HighAvailability && to != row.mode => {
                Some(self.present_primary(&roster).await?.unwrap_or_else(|| self.me.clone()))
            }
            None => row.service_node.clone(),
        };
        let findings = checklist::check(&self.question(&row, &settings, &roster, to, service_node.clone()));
        if findings.iter().any(|finding| finding.refuses) {
            return Ok(ModeChange { made: false, findings });
        }
        self.registry.set_mode(caller, row.revision, to, service_node).await?;
        Ok(ModeChange { made: true, findings })
    }

    async fn present_primary(&self, roster: &Roster) -> Result<Option<NodeName>, Problem> {
        let leases = self.election.look(&[Role::PRIMARY]).await.map_err(election_away)?;
        let lease = leases.first().filter(|lease| lease.left.is_some());
        let holder = lease.and_then(|lease| lease.holder).and_then(|holder| roster.member(holder));
        Ok(holder.map(|member| member.card.name.clone()))
    }

    fn question(
        &self,
        row: &InstanceRow,
        settings: &ClusterSettings,
        roster: &Roster,
        to: ClusterMode,
        service_node: Option<NodeName>,
    ) -> Question {
        let candidate = |member: &crate::membership::Member| Candidate {
            name: member.card.name.clone(),
            fresh: member.standing(&settings.timing) == Standing::Fresh,
            has_service: member.card.components.contains(&Component::Service),
            shares_store: overview::shares_store(member, roster, &settings.timing),
            shares_register: overview::shares_register(member, roster, &settings.timing),
            key_in_sync: match &settings.sealing_key {
                Some(sealing) => Some(member.card.keys.iter().any(|key| key == sealing)),
                None if member.card.keys.is_empty() => None,
                None => Some(true),
            },
        };
        Question {
            from: row.mode,
            to,
            shared_database: self.facts.shared_database,
            single_database_host: self.facts.single_database_host,
            shared_store: self.facts.shared_store,
            has_key: self.facts.has_key,
            service_node,
            nodes: roster.members.iter().map(candidate).collect(),
        }
    }

    /// Changes what the instance has decided about its cluster; nodes follow at their next beat.
    ///
    /// # Errors
    /// `Forbidden`; `Refused` for timings that cannot work; `Busy`.
    pub async fn configure(&self, caller: &Principal, wanted: &Configuration) -> Result<(), Problem> {
        let mut rows = Vec::new();
        if wanted.timing != TimingSetting::default() {
            wanted.timing.timing().map_err(refused)?;
            let value = serde_json::to_string(&wanted.timing)
                .map_err(|error| Problem::internal("writing timings", &error))?;
            rows.push((settings::TIMING.to_owned(), Some(value)));
        }
        if let Some(limit) = wanted.max_servers {
            rows.push((settings::MAX_SERVERS.to_owned(), (limit > 0).then(|| limit.to_string())));
        }
        if let Some(seconds) = wanted.forget_after {
            rows.push((settings::FORGET_AFTER.to_owned(), Some(seconds.to_string())));
        }
        if rows.is_empty() {
            return Err(Refusal::new("settings", "nothing was given that could be changed").into());
        }
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        let subject = format!("settings {}", names.join(", "));
        self.registry.set_settings(caller, subject, rows).await
    }

    /// Wants a node to drain: it takes no new requests or jobs, hands its roles over, and stays.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Busy`.
    pub async fn drain(&self, caller: &Principal, node: &NodeName) -> Result<(), Problem> {
        self.registry.demand(caller, Permission::Administer)?;
        let roster = self.membership.roster().await.map_err(away)?;
        let processes = roster.members.iter().filter(|member| member.card.name == *node);
        let processes: Vec<String> = processes.map(|member| member.card.incarnation.to_string()).collect();
        if processes.is_empty() {
            return Err(unknown(node));
        }
        let value = Some(processes.join(" "));
        let rows = [(settings::drain_of(node), value)];
        self.registry.set_settings(caller, format!("drain {node}"), rows).await
    }

    /// Wants a draining node to take part again.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Busy`.
    pub async fn resume(&self, caller: &Principal, node: &NodeName) -> Result<(), Problem> {
        self.must_be_here(caller, node).await?;
        let rows = [(settings::drain_of(node), None)];
        self.registry.set_settings(caller, format!("resume {node}"), rows).await
    }

    /// Starts, stops or disables a node's Service; it stays so across restarts.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Refused` if it is to be started and is disabled; `Busy`.
    pub async fn set_service(
        &self,
        caller: &Principal,
        node: &NodeName,
        wish: ServiceWish,
        enabling: bool,
    ) -> Result<(), Problem> {
        self.must_be_here(caller, node).await?;
        let (_, settings) = self.read(caller).await?;
        if settings.service(node) == ServiceWish::Disabled && wish != ServiceWish::Disabled && !enabling {
            return Err(Refusal::new("service", "is disabled on that node; enable it first").into());
        }
        let value = (wish != ServiceWish::Running).then(|| wish.as_str().to_owned());
        let rows = [(settings::service_of(node), value)];
        self.registry.set_settings(caller, format!("Service of {node}: {}", wish.as_str()), rows).await
    }

    /// Removes a node: its seats go, its leases and claims run out at once. Refused while it beats,
    /// unless it is forced; one that still runs stops its Service when it notices.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Refused` if it beats; `Busy`.
    pub async fn remove(&self, caller: &Principal, node: &NodeName, force: bool) -> Result<(), Problem> {
        let (_, settings) = self.read(caller).await?;
        let removal = if force { Removal::Forced } else { Removal::Silent(settings.timing.late) };
        for process in self.membership.remove(node, removal).await.map_err(away)? {
            self.registry.release_claims_of(caller, node, process).await?;
            self.free_roles_of(process).await;
        }
        let rows = [(settings::drain_of(node), None), (settings::service_of(node), None)];
        self.registry.set_settings(caller, format!("node {node} removed"), rows).await
    }

    /// Leases in the roster's own database have ended with the seats; those elsewhere are given back here.
    async fn free_roles_of(&self, process: Incarnation) {
        let freed = async {
            let leases = self.election.look(&self.roles).await?;
            for lease in leases.iter().filter(|lease| lease.holder == Some(process) && lease.left.is_some()) {
                self.election.resign(process, Holding { role: lease.role, term: lease.term }).await?;
            }
            Ok::<(), ElectionError>(())
        };
        if let Err(error) = freed.await {
            let cause = proget_core::problem::chain(&error);
            tracing::warn!(cause, "the roles of a removed node are free only when they have run out");
        }
    }

    async fn must_be_here(&self, caller: &Principal, node: &NodeName) -> Result<(), Problem> {
        self.registry.demand(caller, Permission::Administer)?;
        let roster = self.membership.roster().await.map_err(away)?;
        let here = roster.members.iter().any(|member| member.card.name == *node);
        if here { Ok(()) } else { Err(unknown(node)) }
    }
}

fn unknown(node: &NodeName) -> Problem {
    Problem::NotFound(MembershipError::Absent(node.clone()).to_string())
}

fn refused(error: BadSetting) -> Problem {
    Refusal::new("timing", error.to_string()).into()
}

/// A refusal, or the register is away.
pub(super) fn away(error: MembershipError) -> Problem {
    match error {
        MembershipError::Unanswered { doing, source } => unavailable(doing, source),
        MembershipError::Absent(_) => Problem::NotFound(error.to_string()),
        refused => Refusal::new("node", refused.to_string()).into(),
    }
}

fn election_away(error: ElectionError) -> Problem {
    unavailable(error.doing, error.source)
}

fn unavailable(doing: &'static str, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    CatalogError::Unavailable { doing, source }.into()
}
