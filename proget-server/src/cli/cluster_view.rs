//! The status of a cluster as `proget cluster …` shows it, to people and to scripts.

use super::print::table;
use proget_cluster::messenger::{LinkStatus, MessengerStatus};
use proget_cluster::node::status::{ClusterStatus, NodeStatus};
use proget_core::catalog::Durability;
use proget_core::clock::Timestamp;
use proget_core::cluster::ClusterMode;

/// Which part of the status is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Status,
    Watch,
    Nodes,
    Roles,
}

/// The status for people.
pub(super) fn status(status: &ClusterStatus, view: View) -> String {
    match view {
        View::Nodes => nodes(status),
        View::Roles => roles(status),
        View::Status | View::Watch => {
            let mut text = format!("mode      {}\n", status.mode);
            if let Some(node) =
                status.service_node.as_ref().filter(|_| status.mode != ClusterMode::HighAvailability)
            {
                text += &format!("service   on {node}\n");
            }
            text += &match &status.primary {
                Some(primary) => {
                    let node = primary.node.as_ref().map_or_else(|| "?".into(), ToString::to_string);
                    let since = primary.since.map(|since| format!(", since {since}")).unwrap_or_default();
                    format!("primary   {node}, term {}{since}\n", primary.term)
                }
                None => "primary   nobody at this moment\n".to_owned(),
            };
            text += &format!("timing    {}\n", timing(status));
            text += &format!("commits   {}\n", commits(status.durability));
            text += &status.messenger.as_ref().map(hints).unwrap_or_default();
            text += "\n";
            text += &nodes(status);
            for warning in &status.warnings {
                let whom = warning.node.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
                text += &format!("\n! {whom}{}\n  {}\n", warning.what, warning.hint);
            }
            if status.warnings.is_empty() {
                text += "\nnothing is wrong\n";
            }
            text
        }
    }
}

fn hints(told: &MessengerStatus) -> String {
    let reached = told.peers.iter().filter(|peer| peer.link == LinkStatus::Connected).count();
    format!("hints     {}, reach {reached} of {} others\n", told.endpoint, told.peers.len())
}

fn commits(durability: Durability) -> &'static str {
    match durability {
        Durability::Replicated => "on several database servers before they are acknowledged",
        Durability::OneDisk => "on the disk of one database server; a fail-over of it may lose the last ones",
        Durability::Memory => "perhaps in memory only: a power cut may lose the last ones",
    }
}

fn timing(status: &ClusterStatus) -> String {
    let timing = &status.timing;
    let name = timing.preset.as_deref().unwrap_or("own");
    format!("{name}: lease {} ms, beat {} ms, lost after {} ms", timing.lease, timing.beat, timing.lost)
}

fn nodes(status: &ClusterStatus) -> String {
    let heads = [
        "NODE",
        "STANDING",
        "PHASE",
        "SERVICE",
        "ROLES",
        "VERSION",
        "UP",
        "KEY",
        "STORE",
        "BEAT",
        "ADDRESSES",
    ];
    table(&heads, status.nodes.iter().map(|node| node_row(node, status.at)))
}

/// For how long, in the largest unit that fits.
fn up(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.0.saturating_sub(since.0).max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn node_row(node: &NodeStatus, now: Timestamp) -> Vec<String> {
    let yes = |known: Option<bool>| match known {
        Some(true) => "in sync",
        Some(false) => "DIFFERS",
        None => "-",
    };
    let beat = node.web_beat_ms.into_iter().chain(node.service_beat_ms).min();
    let store = match (&node.store_problem, node.shares_store) {
        (Some(_), _) => "UNWELL",
        (None, Some(true)) => "shared",
        (None, Some(false)) => "ANOTHER",
        (None, None) => "-",
    };
    vec![
        node.name.to_string(),
        node.standing.clone(),
        node.phase.clone(),
        node.service.clone(),
        if node.roles.is_empty() { "-".into() } else { node.roles.join(", ") },
        node.version.clone(),
        up(node.started, now),
        yes(node.key_in_sync).into(),
        store.into(),
        beat.map_or("-".into(), |beat| format!("{beat} ms ago")),
        node.addresses.join(", "),
    ]
}

fn roles(status: &ClusterStatus) -> String {
    let row = |role: &proget_cluster::node::status::RoleStatus| {
        vec![
            role.role.clone(),
            role.node.as_ref().map_or("nobody".into(), ToString::to_string),
            role.term.to_string(),
            role.since.map(|since| since.to_string()).unwrap_or_default(),
            format!("{} ms", role.left_ms),
        ]
    };
    table(&["ROLE", "NODE", "TERM", "SINCE", "LEFT"], status.roles.iter().map(row))
}

/// The part of the status that a view shows, for scripts.
pub(super) fn for_scripts(status: &ClusterStatus, view: View) -> serde_json::Value {
    match view {
        View::Nodes => serde_json::json!(status.nodes),
        View::Roles => serde_json::json!(status.roles),
        View::Status | View::Watch => serde_json::json!(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_server_has_been_up_is_told_in_the_largest_unit_that_fits() {
        let told = |seconds: i64| up(Timestamp(1000), Timestamp(1000 + seconds * 1000));
        assert_eq!([told(-5), told(0), told(119)], ["0 s", "0 s", "119 s"]);
        assert_eq!([told(120), told(7199)], ["2 min", "119 min"]);
        assert_eq!([told(7200), told(172_799), told(172_800)], ["2 h", "47 h", "2 d"]);
    }
}
