//! What is wrong with the cluster, and what to do about it, in plain words. Pure.

use super::settings::{ClusterSettings, ServiceWish};
use super::status::{NodeStatus, RoleStatus, Warning};
use crate::election::ElectionError;
use crate::messenger::{LinkStatus, MessengerStatus};
use proget_core::catalog::InstanceRow;
use proget_core::cluster::{ClusterMode, NodeName};
use std::collections::BTreeSet;

/// A clock that is further off is worth a word: keys expire by it, and certificates.
const SKEW_MS: u64 = 5000;

/// What is looked at.
pub(super) struct View<'a> {
    pub(super) row: &'a InstanceRow,
    pub(super) settings: &'a ClusterSettings,
    pub(super) nodes: &'a [NodeStatus],
    pub(super) primary: Option<&'a RoleStatus>,
}

/// Everything that is not as it should be, the worst first.
pub(super) fn warnings(view: &View<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    about_duties(view, &mut |node, what, hint| {
        warnings.push(Warning { node, what, hint: hint.into() });
    });
    for node in view.nodes {
        about_node(node, &mut |what, hint| {
            warnings.push(Warning { node: Some(node.name.clone()), what, hint: hint.into() });
        });
    }
    let versions: BTreeSet<&str> = view.nodes.iter().map(|node| node.version.as_str()).collect();
    if versions.len() > 1 {
        let what = format!("the servers run different versions: {}", Vec::from_iter(versions).join(", "));
        let hint = "finish the upgrade; two neighbouring versions work side by side while it lasts".into();
        warnings.push(Warning { node: None, what, hint });
    }
    for what in &view.settings.unreadable {
        let hint = "set it anew with `proget cluster configure`".into();
        warnings.push(Warning { node: None, what: what.clone(), hint });
    }
    warnings
}

/// The register of leases did not answer.
pub(super) fn register_away(error: &ElectionError) -> Warning {
    let what = proget_core::problem::chain(error);
    let hint =
        "see that it runs and can be reached from here; until then nobody does what one server must do alone";
    Warning { node: None, what, hint: hint.into() }
}

/// Nothing depends on hints, so nobody is told before a peer has been away for a while.
const AWAY_MS: u64 = 10_000;

/// Hints do not reach somebody.
pub(super) fn about_messenger(told: &MessengerStatus) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for peer in &told.peers {
        let hint = match peer.link {
            LinkStatus::OtherKey => "give all servers the same PROGET_ENCRYPTION_KEY",
            LinkStatus::Away if peer.for_ms > AWAY_MS => {
                "let the messenger's port through the firewall, or publish an address that the others can reach \
                 with PROGET_MESSENGER_ADDRESS; until then changes are noticed later, and nothing else is wrong"
            }
            _ => continue,
        };
        let why = peer.problem.as_deref().unwrap_or("no answer");
        let what = format!("hints do not reach {}: {why}", peer.address);
        warnings.push(Warning { node: peer.node.clone(), what, hint: hint.into() });
    }
    warnings
}

fn about_duties(view: &View<'_>, say: &mut impl FnMut(Option<NodeName>, String, &str)) {
    let fresh =
        |name: &NodeName| view.nodes.iter().any(|node| node.name == *name && node.standing == "fresh");
    let serves = |node: &&NodeStatus| node.standing == "fresh" && node.service == "running";
    match (view.row.mode, &view.row.service_node) {
        (ClusterMode::HighAvailability, _) => {
            if !view.nodes.iter().any(|node| serves(&node)) {
                let what = "no server that is here runs its Service, so no background work is done";
                say(None, what.into(), "start the Service of one with `proget cluster service start NODE`");
            } else if view.primary.is_none() {
                let hint =
                    "nothing, if a server was just lost; otherwise look at the log of those that are here";
                say(None, "nobody is primary at this moment".into(), hint);
            }
            let here = view.nodes.iter().filter(|node| node.standing == "fresh").count();
            if here < 3 {
                let what = format!("{here} of the three servers that high availability wants are here");
                say(None, what, "add servers: while one is away, the next loss stops the service");
            }
        }
        (_, None) => {
            say(None, "no service node is named".into(), "start a server with the Service component");
        }
        (mode, Some(named)) => {
            if !fresh(named) {
                let what = format!("the service node {named} does not beat, so no background work is done");
                let hint = match mode {
                    ClusterMode::Single => "start it again, or enable load balancing and name another",
                    _ => {
                        "start it again, name another with `proget cluster enable load-balancing --service-node \
                         NODE`, or \
                         enable high availability so that the Service moves by itself"
                    }
                };
                say(Some(named.clone()), what, hint);
            } else if view.settings.service(named) != ServiceWish::Running {
                let what = format!("the Service of the service node {named} was stopped");
                let hint = "start it with `proget cluster service start NODE`, or name another service node";
                say(Some(named.clone()), what, hint);
            }
            let names: BTreeSet<&NodeName> = view.nodes.iter().map(|node| &node.name).collect();
            if mode == ClusterMode::Single && names.len() > 1 {
                let what = format!("{} servers are here, but load balancing is not enabled", names.len());
                let hint = "enable it with `proget cluster enable load-balancing`; until then all answer requests, \
                            and one alone does the background work";
                say(None, what, hint);
            }
        }
    }
}

fn about_node(node: &NodeStatus, say: &mut impl FnMut(String, &str)) {
    match node.standing.as_str() {
        "lost" => say(
            "it has not been heard of for a while".into(),
            "see whether it runs and reaches the database; remove it if it does not come back",
        ),
        "late" => {
            say("it has missed beats".into(), "see whether it is overloaded or cut off from the database")
        }
        _ => {}
    }
    if node.phase == "draining" {
        say("it is draining".into(), "let it take part again with `proget cluster resume NODE`, or stop it");
    }
    if node.key_in_sync == Some(false) {
        let hint = "give it the same PROGET_ENCRYPTION_KEY as the others and restart it";
        say("it does not have the encryption key that is in use".into(), hint);
    }
    if node.shares_store == Some(false) {
        let hint = "give all servers the same PROGET_STORAGE_ROOT, on a share that all of them see";
        say("it does not see the same package store as the others".into(), hint);
    }
    if node.machine_key_in_sync == Some(false) {
        let hint = "give all servers that answer requests the same machine key, or none, and restart the odd one; \
                    login sessions do not hold there until then";
        say("its machine key is not that of the others".into(), hint);
    }
    if node.shares_register == Some(false) {
        let hint = "give all servers the same PROGET_ELECTION_URL, or none, and restart the odd one; its Service is \
                    idle until then";
        say("it keeps its roles in another register than the others".into(), hint);
    }
    if let Some(problem) = &node.store_problem {
        say(
            format!("it takes no publishes: {problem}"),
            "see that the package store is mounted there, has room and may be written to",
        );
    }
    if node.skew_ms.unsigned_abs() > SKEW_MS {
        let skew = node.skew_ms;
        let way = if skew > 0 { "ahead of" } else { "behind" };
        let what = format!("its clock is {} ms {way} the database's", skew.unsigned_abs());
        say(what, "synchronise the clocks; roles do not depend on them, but expiry dates do");
    }
}
