//! Should this node do background work at this moment, and if not, why not? Pure.

use super::settings::ServiceWish;
use proget_core::cluster::{ClusterMode, NodeName};
use std::fmt;

/// All that decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// This node.
    pub me: NodeName,
    /// Has it a Service at all?
    pub has_service: bool,
    /// Is it meant to run?
    pub wish: ServiceWish,
    /// The instance's mode.
    pub mode: ClusterMode,
    /// The instance's service node.
    pub service_node: Option<NodeName>,
    /// Is this node leaving?
    pub draining: bool,
    /// Was it removed from the roster?
    pub removed: bool,
    /// Why it must not take part, if a join check failed.
    pub unfit: Option<&'static str>,
}

/// Whether the Service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// It runs: this node claims jobs and campaigns for roles.
    Running,
    /// It does not, for this reason.
    Idle(Idle),
}

/// Why a Service does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idle {
    /// This process has only the Web component.
    NoService,
    /// An operator stopped it.
    Stopped,
    /// An operator disabled it.
    Disabled,
    /// The node is leaving.
    Draining,
    /// The node was removed from the roster.
    Removed,
    /// A join check failed.
    Unfit(&'static str),
    /// Another node runs the Service, and load balancing is not enabled.
    NotEnabled(NodeName),
    /// Another node runs the Service.
    Elsewhere(NodeName),
    /// No node was named yet.
    NobodyNamed,
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoService => f.write_str("this process has no Service component"),
            Self::Stopped => f.write_str("an operator stopped it"),
            Self::Disabled => f.write_str("an operator disabled it"),
            Self::Draining => f.write_str("the node is draining"),
            Self::Removed => f.write_str("the node was removed from the cluster"),
            Self::Unfit(why) => f.write_str(why),
            Self::NotEnabled(node) => {
                write!(f, "load balancing is not enabled; the Service runs on {node} only")
            }
            Self::Elsewhere(node) => write!(f, "the Service runs on {node}"),
            Self::NobodyNamed => f.write_str("no service node was named"),
        }
    }
}

impl Situation {
    /// The decision. The catalogue takes the same one about the mode when a fence is planted or a job
    /// claimed, so a node that has not heard yet does no harm.
    #[must_use]
    pub fn duty(&self) -> Duty {
        let idle = if !self.has_service {
            Some(Idle::NoService)
        } else if self.removed {
            Some(Idle::Removed)
        } else if self.draining {
            Some(Idle::Draining)
        } else if let Some(why) = self.unfit {
            Some(Idle::Unfit(why))
        } else {
            match self.wish {
                ServiceWish::Stopped => Some(Idle::Stopped),
                ServiceWish::Disabled => Some(Idle::Disabled),
                ServiceWish::Running => self.idle_by_mode(),
            }
        };
        idle.map_or(Duty::Running, Duty::Idle)
    }

    fn idle_by_mode(&self) -> Option<Idle> {
        if self.mode == ClusterMode::HighAvailability {
            return None;
        }
        match &self.service_node {
            None => Some(Idle::NobodyNamed),
            Some(node) if *node == self.me => None,
            Some(node) if self.mode == ClusterMode::Single => Some(Idle::NotEnabled(node.clone())),
            Some(node) => Some(Idle::Elsewhere(node.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation() -> Situation {
        Situation {
            me: NodeName::new("a").unwrap(),
            has_service: true,
            wish: ServiceWish::Running,
            mode: ClusterMode::HighAvailability,
            service_node: None,
            draining: false,
            removed: false,
            unfit: None,
        }
    }

    #[test]
    fn in_high_availability_every_node_serves_and_otherwise_the_named_one_only() {
        let (a, b) = (NodeName::new("a").unwrap(), NodeName::new("b").unwrap());
        assert_eq!(situation().duty(), Duty::Running);
        for mode in [ClusterMode::Single, ClusterMode::LoadBalanced] {
            let mut now = Situation { mode, ..situation() };
            assert_eq!(now.duty(), Duty::Idle(Idle::NobodyNamed));
            now.service_node = Some(a.clone());
            assert_eq!(now.duty(), Duty::Running);
            now.service_node = Some(b.clone());
            assert!(matches!(now.duty(), Duty::Idle(_)));
        }
        let single = Situation { mode: ClusterMode::Single, service_node: Some(b), ..situation() };
        let Duty::Idle(why) = single.duty() else { panic!("it must be idle") };
        assert!(why.to_string().contains("load balancing is not enabled"), "{why}");
    }

    #[test]
    fn whatever_stops_a_service_stops_it_in_every_mode() {
        for mode in ClusterMode::ALL {
            let base = Situation { mode, service_node: Some(NodeName::new("a").unwrap()), ..situation() };
            for stopped in [
                Situation { has_service: false, ..base.clone() },
                Situation { wish: ServiceWish::Stopped, ..base.clone() },
                Situation { wish: ServiceWish::Disabled, ..base.clone() },
                Situation { draining: true, ..base.clone() },
                Situation { removed: true, ..base.clone() },
                Situation { unfit: Some("the keys differ"), ..base.clone() },
            ] {
                assert!(matches!(stopped.duty(), Duty::Idle(_)), "{stopped:?}");
            }
        }
    }
}
