//! May the mode be changed? The checklist that is run before load balancing or high availability is
//! switched on or off, with reasons. Pure.

use proget_core::cluster::{ClusterMode, NodeName};

/// What a node of the roster looks like to the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: NodeName,
    /// Does it beat?
    pub fresh: bool,
    /// Has it a Service component?
    pub has_service: bool,
    /// Does it see the same store as the node that asks?
    pub shares_store: Option<bool>,
    /// Does it use the register of leases that the others use?
    pub shares_register: Option<bool>,
    /// Has it the key that seals? `None` if no key is configured there.
    pub key_in_sync: Option<bool>,
}

/// All that the checklist looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The mode of this moment.
    pub from: ClusterMode,
    /// The mode that is wanted.
    pub to: ClusterMode,
    /// Can several processes share the database?
    pub shared_database: bool,
    /// Does the database's address name one host only?
    pub single_database_host: bool,
    /// Is the store of a kind that several nodes can see by its nature? A directory may be a share or
    /// not, which only the nodes can find out.
    pub shared_store: bool,
    /// Has this instance an encryption key?
    pub has_key: bool,
    /// The service node that is wanted.
    pub service_node: Option<NodeName>,
    /// Everybody who is here.
    pub nodes: Vec<Candidate>,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// Does it forbid the change?
    pub refuses: bool,
    /// What is wrong and what to do about it.
    pub what: String,
}

/// Everything that speaks against it; it may be done if nothing refuses.
#[must_use]
pub fn check(question: &Question) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |refuses: bool, what: String| findings.push(Finding { refuses, what });
    if question.from == ClusterMode::Single && question.to == ClusterMode::HighAvailability {
        say(true, "high availability is switched on from load balancing: enable load balancing first".into());
    }
    if question.to != ClusterMode::HighAvailability
        && let Some(named) = &question.service_node
    {
        match question.nodes.iter().find(|node| node.name == *named) {
            None => say(true, format!("there is no node '{named}'; name one of those that are here")),
            Some(node) if !node.has_service => {
                say(true, format!("node '{named}' has no Service component; name one that has"));
            }
            Some(node) if !node.fresh => say(
                false,
                format!("node '{named}' does not beat; until it comes back no background work is done"),
            ),
            Some(_) => {}
        }
    }
    // Stepping down is never refused for what only a larger mode needs.
    if question.to == ClusterMode::Single || question.from == ClusterMode::HighAvailability {
        return findings;
    }
    if !question.shared_database {
        say(true, "SQLite belongs to one server; move to PostgreSQL or MariaDB first".into());
    } else if question.single_database_host && question.to == ClusterMode::HighAvailability {
        let what = "the database's address names one host: if that is lost, so is the cluster; use an \
                    address that moves with the database";
        say(false, what.into());
    }
    if !question.shared_store {
        let here: Vec<&Candidate> = question.nodes.iter().filter(|node| node.fresh).collect();
        if here.len() < 2 {
            let what =
                "the package store is a directory; whether it is shared shows when a second server joins";
            say(false, what.into());
        } else if here.iter().any(|node| node.shares_store.is_none()) {
            let what = "the servers have not yet found out whether they share the package store; try again in a few \
                        seconds";
            say(true, what.into());
        }
    }
    if !question.has_key {
        let what = "no encryption key is set; make one with `proget keys generate` and give it to every server as \
                    PROGET_ENCRYPTION_KEY";
        say(true, what.into());
    }
    for node in question.nodes.iter().filter(|node| node.fresh) {
        if node.shares_store == Some(false) {
            let name = &node.name;
            say(
                true,
                format!("node '{name}' sees another package store; give it the same one, or remove it"),
            );
        }
        if node.shares_register == Some(false) {
            let name = &node.name;
            say(
                true,
                format!(
                    "node '{name}' keeps its roles in another register; give all the same PROGET_ELECTION_URL, or none"
                ),
            );
        }
        match node.key_in_sync {
            Some(true) => {}
            Some(false) => say(true, format!("node '{}' has not the same encryption key", node.name)),
            None if question.has_key => say(true, format!("node '{}' has no encryption key", node.name)),
            None => {}
        }
    }
    if question.to == ClusterMode::HighAvailability {
        let serving = question.nodes.iter().filter(|node| node.fresh && node.has_service).count();
        if serving < 2 {
            say(false, "there is no second node that could take over the Service".into());
        }
        if question.nodes.iter().filter(|node| node.fresh).count() < 3 {
            say(
                false,
                "there are fewer than three servers: while one is away, the next loss stops the service"
                    .into(),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Candidate {
        Candidate {
            name: NodeName::new(name).unwrap(),
            fresh: true,
            has_service: true,
            shares_store: Some(true),
            shares_register: Some(true),
            key_in_sync: Some(true),
        }
    }

    fn good(from: ClusterMode, to: ClusterMode) -> Question {
        Question {
            from,
            to,
            shared_database: true,
            single_database_host: false,
            shared_store: true,
            has_key: true,
            service_node: None,
            nodes: vec![node("a"), node("b"), node("c")],
        }
    }

    fn refusals(question: &Question) -> Vec<String> {
        check(question).into_iter().filter(|finding| finding.refuses).map(|finding| finding.what).collect()
    }

    const ON: [(ClusterMode, ClusterMode); 2] = [
        (ClusterMode::Single, ClusterMode::LoadBalanced),
        (ClusterMode::LoadBalanced, ClusterMode::HighAvailability),
    ];

    #[test]
    fn nothing_speaks_against_three_good_nodes_and_stepping_down_is_never_refused() {
        for (from, to) in ON {
            assert_eq!(check(&good(from, to)), []);
            let down = Question {
                shared_store: false,
                has_key: false,
                shared_database: false,
                ..good(to, ClusterMode::Single)
            };
            assert_eq!(check(&down), []);
        }
    }

    #[test]
    fn high_availability_is_refused_from_single_with_the_reason() {
        let told = refusals(&good(ClusterMode::Single, ClusterMode::HighAvailability));
        assert!(told.len() == 1 && told[0].contains("enable load balancing first"), "{told:?}");
    }

    #[test]
    fn each_thing_that_is_missing_is_refused_in_plain_words() {
        for (from, to) in ON {
            let base = good(from, to);
            for (broken, expected) in [
                (Question { shared_database: false, ..base.clone() }, "SQLite"),
                (Question { has_key: false, ..base.clone() }, "encryption key"),
            ] {
                let told = refusals(&broken);
                assert!(told.len() == 1 && told[0].contains(expected), "{told:?}");
            }
            let mut base = base;
            base.nodes[1].shares_store = Some(false);
            base.nodes[0].shares_register = Some(false);
            base.nodes[2].key_in_sync = Some(false);
            assert_eq!(refusals(&base).len(), 3);
        }
    }

    #[test]
    fn a_directory_is_believed_to_be_shared_when_the_servers_have_seen_it() {
        for (from, to) in ON {
            let mut question = Question { shared_store: false, ..good(from, to) };
            assert_eq!(refusals(&question), Vec::<String>::new());
            question.nodes[2].shares_store = None;
            assert!(refusals(&question)[0].contains("try again"));
            question.nodes.truncate(1);
            question.nodes[0].shares_store = None;
            assert_eq!(refusals(&question), Vec::<String>::new(), "one alone cannot know");
            assert!(check(&question).iter().any(|finding| finding.what.contains("second server")));
        }
    }

    #[test]
    fn a_service_node_must_be_here_and_have_a_service() {
        let mut question = good(ClusterMode::HighAvailability, ClusterMode::LoadBalanced);
        question.nodes[1].has_service = false;
        for (named, refused) in [("a", false), ("b", true), ("z", true)] {
            question.service_node = Some(NodeName::new(named).unwrap());
            assert_eq!(!refusals(&question).is_empty(), refused, "{named}");
        }
    }

    #[test]
    fn two_servers_or_one_database_host_are_a_warning_and_no_refusal() {
        let mut question = good(ClusterMode::LoadBalanced, ClusterMode::HighAvailability);
        question.nodes.truncate(2);
        question.single_database_host = true;
        let found = check(&question);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|finding| !finding.refuses));
    }
}
