//! The encryption keys of the cluster as an administrator deals with them: look, promote, seal anew,
//! retire. The judgements are core's; here they meet the roster and the sealed values.
//!
//! Of the keys of others nothing is known but fingerprints. Sealing the canary of a promoted key needs
//! that key, so whoever promotes must have it.

use super::cluster::{Cluster, away};
use super::settings::ClusterSettings;
use crate::election::Timing;
use crate::membership::{Component, Member, Roster, Standing};
use proget_core::access::Permission;
use proget_core::catalog::{InstanceRow, JobFilter, JobKind, JobRow, NewJob, PageRequest, SettingRow};
use proget_core::cluster::NodeName;
use proget_core::ids::JobId;
use proget_core::keys::{
    Fingerprint, KeyLine, KeySettings, KeyStatus, NodeKeys, RESEAL, Stored, promote, retire, values_by_key,
};
use proget_core::{Principal, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// So often a decision is made anew when others change the keys at the same moment.
const ATTEMPTS: usize = 5;

/// How often sealing anew may fail before it is given up: nodes that lack a key may get at it.
pub const RESEAL_ATTEMPTS: u32 = 10;

/// All that there is to know about keys, without any key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyReport {
    /// Who gave this answer.
    pub answered_by: NodeName,
    /// The key that seals, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing: Option<Fingerprint>,
    /// Every key that somebody has or something needs.
    pub keys: Vec<KeyLine>,
    /// The machine key of every process that answers requests.
    pub machine_keys: Vec<MachineKeyLine>,
    /// The newest job that seals old values anew, if there ever was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseal: Option<ResealStatus>,
    /// What could not be read, in words for operators.
    pub problems: Vec<String>,
}

/// The machine key of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineKeyLine {
    /// Its node.
    pub node: NodeName,
    /// The fingerprint; absent if its session keys follow from the encryption key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Is it that of the others?
    pub in_sync: bool,
}

/// How far sealing anew is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResealStatus {
    /// The job's number.
    pub job: i64,
    /// Where it stands.
    pub state: String,
    /// How far it is; empty if it has not said.
    pub progress: String,
    /// How it ended, or why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// A job that seals old values anew.
#[must_use]
pub fn reseal_wanted() -> NewJob {
    NewJob {
        kind: JobKind::new(RESEAL),
        key: String::new(),
        input: String::new(),
        after: Duration::ZERO,
        attempts: RESEAL_ATTEMPTS,
    }
}

/// What one judgement is made of, read at one moment.
struct Read {
    row: InstanceRow,
    keys: KeySettings,
    /// Values by the key that they need; or which of them cannot be read.
    values: Result<BTreeMap<Fingerprint, u64>, String>,
    nodes: Vec<NodeKeys>,
    roster: Roster,
    timing: Timing,
}

impl Cluster {
    /// Which keys there are, who has them and who lacks them, and what still needs them.
    ///
    /// # Errors
    /// `Forbidden`; `Busy`; `Changed` if a newer build wrote what the instance says about its keys.
    pub async fn key_report(&self, caller: &Principal) -> Result<KeyReport, Problem> {
        let Read { keys, values, nodes, roster, timing, .. } = self.read_keys(caller).await?;
        let filter = JobFilter { state: None, kind: Some(RESEAL.into()) };
        let newest =
            self.registry.jobs(caller, &filter, &PageRequest::first(1)).await?.rows.into_iter().next();
        let (counts, problems) = match values {
            Ok(counts) => (counts, Vec::new()),
            Err(problem) => (BTreeMap::new(), vec![problem]),
        };
        Ok(KeyReport {
            answered_by: self.me.clone(),
            sealing: keys.sealing,
            keys: KeyStatus::gather(self.keys.as_ref(), &keys, &counts, &nodes).keys,
            machine_keys: machine_keys(&roster, &timing),
            reseal: newest.map(reseal_status),
            problems,
        })
    }

    /// From now on this key seals; old values are sealed anew by a job, whose number is answered.
    ///
    /// # Errors
    /// `Forbidden`; `Changed` with the reason if the key may not seal; `Busy`.
    pub async fn promote_key(&self, caller: &Principal, key: Fingerprint) -> Result<JobId, Problem> {
        for _ in 0..ATTEMPTS {
            let Read { row, keys, nodes, .. } = self.read_keys(caller).await?;
            let change = promote(key, self.keys.as_ref(), &keys, &nodes, row.installation)
                .map_err(|refused| Problem::Changed(refused.to_string()))?;
            match self.registry.promote_key(caller, change, reseal_wanted()).await {
                Err(Problem::Changed(_)) => {}
                answer => return answer,
            }
        }
        Err(all_the_while())
    }

    /// Seals old values anew once more, after that was given up.
    ///
    /// # Errors
    /// `Forbidden`; `Busy`.
    pub async fn reseal(&self, caller: &Principal) -> Result<JobId, Problem> {
        self.registry.enqueue(caller, reseal_wanted()).await
    }

    /// Retires a key: it never seals again, and sessions made with it end. Answers which nodes should drop
    /// it from their configuration.
    ///
    /// # Errors
    /// `Forbidden`; `Changed` with the reason if the key is needed; `Busy`.
    pub async fn retire_key(&self, caller: &Principal, key: Fingerprint) -> Result<Vec<NodeName>, Problem> {
        for _ in 0..ATTEMPTS {
            let Read { keys, values, nodes, .. } = self.read_keys(caller).await?;
            let left = values.map_err(Problem::Changed)?.get(&key).copied().unwrap_or(0);
            let retirement =
                retire(key, &keys, &nodes, left).map_err(|refused| Problem::Changed(refused.to_string()))?;
            let held_by = retirement.held_by.clone();
            match self.registry.retire_key(caller, retirement).await {
                Err(Problem::Changed(_)) => {}
                Err(problem) => return Err(problem),
                Ok(()) => return Ok(held_by),
            }
        }
        Err(all_the_while())
    }

    async fn read_keys(&self, caller: &Principal) -> Result<Read, Problem> {
        self.registry.demand(caller, Permission::Administer)?;
        // The roster first: what the instance says about its keys is expected when it is changed.
        let roster = self.membership.roster().await.map_err(away)?;
        let (row, rows) = self.registry.instance(caller).await?;
        let keys = KeySettings::read(&rows).map_err(|error| Problem::Changed(error.to_string()))?;
        let timing = ClusterSettings::read(&rows).timing;
        let nodes = node_keys(&roster, &timing);
        Ok(Read { values: values(&keys, &rows), row, keys, nodes, roster, timing })
    }
}

fn all_the_while() -> Problem {
    Problem::Changed("others change the keys all the while; look at them and try again".into())
}

fn values(keys: &KeySettings, rows: &[SettingRow]) -> Result<BTreeMap<Fingerprint, u64>, String> {
    let stored = Stored::read(rows).map_err(|error| error.to_string())?;
    Ok(values_by_key(keys, &stored))
}

/// The keys of every node that was not removed. A node of several processes has what all of them have.
fn node_keys(roster: &Roster, timing: &Timing) -> Vec<NodeKeys> {
    let mut nodes: BTreeMap<NodeName, NodeKeys> = BTreeMap::new();
    for member in &roster.members {
        let keys: Vec<Fingerprint> = member.card.keys.iter().filter_map(|key| key.parse().ok()).collect();
        let (node, here) = (member.card.name.clone(), is_here(member, timing));
        nodes
            .entry(node.clone())
            .and_modify(|known| {
                known.keys.retain(|key| keys.contains(key));
                known.here |= here;
            })
            .or_insert(NodeKeys { node, keys, here });
    }
    nodes.into_values().collect()
}

fn is_here(member: &Member, timing: &Timing) -> bool {
    member.standing(timing) != Standing::Lost
}

/// Has it the machine key that the cluster has? That is the one of whoever has answered requests for
/// longest. Only processes that answer requests have sessions.
pub(super) fn machine_key_in_sync(member: &Member, roster: &Roster, timing: &Timing) -> Option<bool> {
    let answers = |member: &Member| member.card.components.contains(&Component::Web);
    if !answers(member) {
        return None;
    }
    let here = roster.members.iter().filter(|other| answers(other) && is_here(other, timing));
    let standard = here.min_by_key(|other| (other.joined, other.card.incarnation))?;
    Some(standard.card.machine_key == member.card.machine_key)
}

fn machine_keys(roster: &Roster, timing: &Timing) -> Vec<MachineKeyLine> {
    let line = |member: &Member| {
        Some(MachineKeyLine {
            in_sync: machine_key_in_sync(member, roster, timing)?,
            node: member.card.name.clone(),
            fingerprint: member.card.machine_key.clone(),
        })
    };
    roster.members.iter().filter_map(line).collect()
}

fn reseal_status(row: JobRow) -> ResealStatus {
    ResealStatus { job: row.id.0, state: row.state.to_string(), progress: row.progress, outcome: row.outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::NodeCard;
    use proget_core::clock::Timestamp;
    use proget_core::ids::Incarnation;

    fn member(name: &str, joined: i64, components: &[Component], keys: &[&str]) -> Member {
        let name = NodeName::new(name).unwrap();
        let mut card = NodeCard::bare(name, Incarnation::random(), components.iter().copied());
        card.keys = keys.iter().map(ToString::to_string).collect();
        let beats = components.iter().map(|component| (*component, Duration::ZERO)).collect();
        Member { card, joined: Timestamp(joined), beats }
    }

    fn roster(members: Vec<Member>) -> Roster {
        Roster { at: Timestamp(9000), members }
    }

    #[test]
    fn a_node_of_two_processes_has_the_keys_that_both_have_and_is_here_if_one_is() {
        const ONE: &str = "0000000000000001";
        const TWO: &str = "0000000000000002";
        let timing = Timing::default();
        let mut gone = member("b", 1, &[Component::Web], &[ONE]);
        gone.beats[0].1 = timing.lost;
        let found = node_keys(
            &roster(vec![
                member("a", 1, &[Component::Web], &[ONE, TWO, "of a newer build"]),
                member("a", 2, &[Component::Service], &[TWO]),
                gone,
            ]),
            &timing,
        );
        let told: Vec<_> = found
            .iter()
            .map(|node| (node.node.as_str(), node.keys.iter().map(ToString::to_string).collect(), node.here))
            .collect();
        assert_eq!(told, [("a", vec![TWO.to_owned()], true), ("b", vec![ONE.to_owned()], false)]);
    }

    #[test]
    fn the_machine_key_of_whoever_answers_for_longest_counts_and_workers_have_none() {
        let timing = Timing::default();
        let mut members = vec![
            member("worker", 1, &[Component::Service], &[]),
            member("a", 2, &Component::ALL, &[]),
            member("b", 3, &Component::ALL, &[]),
        ];
        members[2].card.machine_key = Some("00000000000000aa".into());
        let lines = machine_keys(&roster(members.clone()), &timing);
        let told: Vec<_> = lines.iter().map(|line| (line.node.as_str(), line.in_sync)).collect();
        assert_eq!(told, [("a", true), ("b", false)]);
        members[1].card.machine_key = Some("00000000000000aa".into());
        assert!(machine_keys(&roster(members), &timing).iter().all(|line| line.in_sync));
    }
}
