//! The cluster's status, put together from what the registers say at this moment. Pure.

use super::advice::{self, View};
use super::keys::machine_key_in_sync;
use super::settings::ClusterSettings;
use super::status::{ClusterStatus, NodeStatus, RoleStatus, TimingStatus};
use crate::election::{Lease, Preset, Timing};
use crate::membership::{Component, Member, Roster, Standing};
use crate::messenger::MessengerStatus;
use proget_core::catalog::{Durability, InstanceRow, Role};
use proget_core::cluster::NodeName;
use std::time::Duration;

/// What was read.
pub(super) struct Read<'a> {
    pub(super) answered_by: &'a NodeName,
    pub(super) row: &'a InstanceRow,
    pub(super) settings: &'a ClusterSettings,
    pub(super) roster: &'a Roster,
    pub(super) leases: &'a [Lease],
    pub(super) durability: Durability,
}

/// The document.
pub(super) fn status(read: &Read<'_>) -> ClusterStatus {
    let timing = read.settings.timing;
    let leases = read.leases;
    let roles = leases.iter().filter(|lease| lease.term > 0).map(|lease| role(lease, read.roster));
    let roles: Vec<RoleStatus> = roles.collect();
    let held = |role: &&RoleStatus| role.role == Role::PRIMARY.0 && role.left_ms > 0 && role.node.is_some();
    let primary = roles.iter().find(held).cloned();
    let nodes: Vec<NodeStatus> = read.roster.members.iter().map(|member| node(member, read)).collect();
    let view = View { row: read.row, settings: read.settings, nodes: &nodes, primary: primary.as_ref() };
    ClusterStatus {
        mode: read.row.mode,
        service_node: read.row.service_node.clone(),
        answered_by: read.answered_by.clone(),
        at: read.row.now,
        warnings: advice::warnings(&view),
        timing: timing_status(&timing),
        durability: read.durability,
        messenger: None,
        primary,
        roles,
        nodes,
    }
}

/// With the names of the nodes that published the peers' addresses.
pub(super) fn named(mut told: MessengerStatus, roster: &Roster) -> MessengerStatus {
    for peer in &mut told.peers {
        let of = |member: &&Member| member.card.messenger.as_deref() == Some(peer.address.as_str());
        peer.node = roster.members.iter().find(of).map(|member| member.card.name.clone());
    }
    told
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn role(lease: &Lease, roster: &Roster) -> RoleStatus {
    let holder = lease.holder.filter(|_| lease.left.is_some()).and_then(|holder| roster.member(holder));
    RoleStatus {
        role: lease.role.to_string(),
        node: holder.map(|member| member.card.name.clone()),
        term: lease.term,
        since: lease.since,
        left_ms: lease.left.map_or(0, millis),
    }
}

fn node(member: &Member, read: &Read<'_>) -> NodeStatus {
    let card = &member.card;
    let holds = |lease: &&Lease| lease.holder == Some(card.incarnation) && lease.left.is_some();
    let silent = |component| {
        let beat = member.beats.iter().find(|(of, _)| *of == component);
        beat.map(|(_, silent)| millis(*silent))
    };
    let sealing = read.settings.sealing_key.as_deref();
    NodeStatus {
        name: card.name.clone(),
        incarnation: card.incarnation.to_string(),
        standing: member.standing(&read.settings.timing).to_string(),
        phase: card.phase.to_string(),
        components: card.components.iter().map(ToString::to_string).collect(),
        roles: read.leases.iter().filter(holds).map(|lease| lease.role.to_string()).collect(),
        version: card.version.clone(),
        key_in_sync: sealing.map(|sealing| card.keys.iter().any(|key| key == sealing)),
        keys: card.keys.clone(),
        machine_key: card.machine_key.clone(),
        machine_key_in_sync: machine_key_in_sync(member, read.roster, &read.settings.timing),
        service: card.service.clone(),
        shares_store: shares_store(member, read.roster, &read.settings.timing),
        shares_register: shares_register(member, read.roster, &read.settings.timing),
        store_problem: card.store_problem.clone(),
        os: card.os.clone(),
        addresses: card.addresses.clone(),
        messenger: card.messenger.clone(),
        schema: card.schema,
        started: member.joined.minus(Duration::from_millis(card.ran_ms)),
        joined: member.joined,
        web_beat_ms: silent(Component::Web),
        service_beat_ms: silent(Component::Service),
        skew_ms: card.skew_ms,
        requests: card.load.requests,
        jobs: card.load.jobs,
    }
}

/// Does it see the package store that the cluster has? That is the store of whoever has been here for
/// longest and beats: a server that comes with another one is the odd one, not those who were here.
/// Nothing looked at yet says nothing.
pub(super) fn shares_store(member: &Member, roster: &Roster, timing: &Timing) -> Option<bool> {
    let standard = standard(roster, timing)?;
    let me = member.card.incarnation;
    if standard.card.incarnation == me {
        let looked = |other: &Member| other.card.sees.iter().any(|(whose, _)| *whose == me);
        return roster.members.iter().any(looked).then_some(true);
    }
    let ours = member.card.sees.iter().find(|(whose, _)| *whose == standard.card.incarnation);
    let theirs = standard.card.sees.iter().find(|(whose, _)| *whose == me);
    let found: Vec<bool> = ours.into_iter().chain(theirs).map(|(_, there)| *there).collect();
    if found.is_empty() { None } else { Some(found.into_iter().all(|there| there)) }
}

/// Does it use the register of leases that the cluster has? Again that of whoever has been here for longest.
pub(super) fn shares_register(member: &Member, roster: &Roster, timing: &Timing) -> Option<bool> {
    let standard = standard(roster, timing)?.card.register.as_ref()?;
    Some(member.card.register.as_ref()? == standard)
}

/// Whose store, and whose register of leases, is the cluster's.
pub(super) fn standard<'r>(roster: &'r Roster, timing: &Timing) -> Option<&'r Member> {
    let beats = |member: &&Member| member.standing(timing) == Standing::Fresh;
    roster.members.iter().filter(beats).min_by_key(|member| (member.joined, member.card.incarnation))
}

fn timing_status(timing: &Timing) -> TimingStatus {
    let preset = Preset::ALL.into_iter().find(|preset| preset.timing() == *timing);
    TimingStatus {
        preset: preset.map(|preset| preset.name().to_owned()),
        lease: millis(timing.lease),
        renew: millis(timing.renew),
        margin: millis(timing.margin),
        poll: millis(timing.poll),
        call: millis(timing.call),
        beat: millis(timing.beat),
        late: millis(timing.late),
        lost: millis(timing.lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::NodeCard;
    use proget_core::clock::Timestamp;
    use proget_core::ids::Incarnation;

    fn roster(count: i64) -> Roster {
        let member = |place: i64| Member {
            card: NodeCard::bare(
                NodeName::new(format!("n{place}")).unwrap(),
                Incarnation::random(),
                Component::ALL,
            ),
            joined: Timestamp(1000 + place),
            beats: vec![(Component::Web, Duration::ZERO)],
        };
        Roster { at: Timestamp(5000), members: (0..count).map(member).collect() }
    }

    /// Everybody looks at everybody; those in `odd` have a store of their own.
    fn look(roster: &mut Roster, odd: &[usize]) {
        let all: Vec<Incarnation> = roster.members.iter().map(|member| member.card.incarnation).collect();
        for (place, member) in roster.members.iter_mut().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != place);
            let sees = |other: &usize| !odd.contains(&place) && !odd.contains(other);
            member.card.sees = others.map(|(other, whose)| (*whose, sees(&other))).collect();
        }
    }

    fn shared(roster: &Roster) -> Vec<Option<bool>> {
        let timing = Timing::default();
        roster.members.iter().map(|member| shares_store(member, roster, &timing)).collect()
    }

    #[test]
    fn whoever_came_with_another_store_is_the_odd_one_and_nobody_else() {
        let mut roster = roster(4);
        assert_eq!(shared(&roster), [None; 4], "nobody has looked yet");
        look(&mut roster, &[2]);
        assert_eq!(shared(&roster), [Some(true), Some(true), Some(false), Some(true)]);
        look(&mut roster, &[]);
        assert_eq!(shared(&roster), [Some(true); 4]);
    }

    #[test]
    fn whoever_came_with_another_register_is_the_odd_one_unless_it_has_not_said() {
        let mut roster = roster(4);
        let timing = Timing::default();
        let shared = |roster: &Roster| -> Vec<Option<bool>> {
            roster.members.iter().map(|member| shares_register(member, roster, &timing)).collect()
        };
        assert_eq!(shared(&roster), [None; 4], "older builds do not say");
        for (member, register) in roster.members.iter_mut().zip(["etcd 1", "etcd 1", "database"]) {
            member.card.register = Some(register.into());
        }
        assert_eq!(shared(&roster), [Some(true), Some(true), Some(false), None]);
        // One after the other was restarted with another setting: then that one counts.
        roster.members[0].joined = Timestamp(9000);
        roster.members[1].joined = Timestamp(9001);
        assert_eq!(shared(&roster), [Some(false), Some(false), Some(true), None]);
    }

    #[test]
    fn a_process_began_before_it_joined() {
        let mut roster = roster(1);
        roster.members[0].card.ran_ms = 300;
        let member = &roster.members[0];
        let row = InstanceRow {
            installation: uuid::Uuid::nil(),
            witness: None,
            deletes_stopped: None,
            known_identity: None,
            identity: String::new(),
            mode: proget_core::cluster::ClusterMode::Single,
            service_node: None,
            revision: proget_core::ids::Stamp::random(),
            now: roster.at,
        };
        let (answered_by, settings) = (&member.card.name, &ClusterSettings::default());
        let status = status(&Read {
            answered_by,
            row: &row,
            settings,
            roster: &roster,
            leases: &[],
            durability: Durability::OneDisk,
        });
        assert_eq!((status.nodes[0].started, status.nodes[0].joined), (Timestamp(700), Timestamp(1000)));
    }

    #[test]
    fn of_two_with_different_stores_the_first_stays_and_when_it_is_gone_the_other_counts() {
        let mut roster = roster(2);
        look(&mut roster, &[1]);
        assert_eq!(shared(&roster), [Some(true), Some(false)]);
        roster.members[0].beats[0].1 = Timing::default().lost;
        assert_eq!(shared(&roster)[1], Some(true), "the standard is whoever is here");
    }
}
