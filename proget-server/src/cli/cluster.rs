//! `proget cluster …`: how it is spelled. How its answers look is told by `cluster_view`.

use super::arguments::Output;
use super::cluster_view::View;
use super::schedules::Schedules;
use crate::control::ClusterOrder;
use clap::{Args, Subcommand, ValueEnum};
use proget_cluster::node::Configuration;
use proget_cluster::node::settings::{ServiceWish, TimingSetting};
use proget_core::cluster::{ClusterMode, NodeName};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ClusterCommand {
    /// Say who is here, who holds what, what is wrong and what to do about it
    Status {
        /// Say it again every second, until Ctrl-C
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List the servers
    Nodes(Output),
    /// List the roles and who holds them
    Roles(Output),
    /// List the newest jobs, show one with its log, or call one off
    Jobs {
        /// Show this job with its log
        #[arg(value_name = "ID", conflicts_with_all = ["cancel", "verify", "state", "kind"])]
        id: Option<i64>,
        /// Call this job off
        #[arg(long, value_name = "ID", conflicts_with_all = ["state", "kind"])]
        cancel: Option<i64>,
        /// Have every package verified by one of the servers
        #[arg(long, conflicts_with_all = ["cancel", "state", "kind"])]
        verify: bool,
        /// List jobs in this state only
        #[arg(long, value_parser = ["waiting", "running", "done", "failed", "cancelled"])]
        state: Option<String>,
        /// List jobs of this kind only
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// List, add, change, run and remove schedules: when jobs are wanted again and again
    Schedules(Schedules),
    /// Switch load balancing or high availability on
    Enable {
        /// What
        what: Step,
        /// Which server runs the Service, with load balancing
        #[arg(long, value_name = "NODE")]
        service_node: Option<NodeArgument>,
        #[command(flatten)]
        output: Output,
    },
    /// Switch load balancing or high availability off
    Disable {
        /// What
        what: Step,
        /// Which server runs the Service from now on
        #[arg(long, value_name = "NODE")]
        service_node: Option<NodeArgument>,
        #[command(flatten)]
        output: Output,
    },
    /// Change timings and limits
    Configure(Configure),
    /// Let a server finish what it has begun and take nothing new
    Drain {
        /// Which
        #[arg(required_unless_present = "own", conflicts_with = "own")]
        node: Option<NodeArgument>,
        /// This server, by the name it is configured with
        #[arg(long = "self")]
        own: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Let a draining server take part again
    Resume {
        /// Which
        node: NodeArgument,
        #[command(flatten)]
        output: Output,
    },
    /// Start, stop, enable or disable the Service of a server; it stays so across restarts
    Service {
        /// What
        what: ServiceStep,
        /// Whose
        node: NodeArgument,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a server that is gone
    Remove {
        /// Which
        node: NodeArgument,
        /// Also if it is here and beats
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// A node's name on the command line.
#[derive(Debug, Clone)]
pub(super) struct NodeArgument(NodeName);

impl std::str::FromStr for NodeArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NodeName::new(text).map(Self).map_err(|refusal| refusal.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Step {
    /// Several servers answer, one does the background work
    LoadBalancing,
    /// Background work moves by itself
    HighAvailability,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ServiceStep {
    /// Run it
    Start,
    /// Stop it
    Stop,
    /// Let it be started again, and start it
    Enable,
    /// Stop it, and do not let it be started
    Disable,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Configure {
    /// Timings: fast (one local network), default, patient (a slow or distant database)
    #[arg(long, value_parser = ["fast", "default", "patient"])]
    preset: Option<String>,
    /// For how long a role is granted, in milliseconds
    #[arg(long, value_name = "MS")]
    lease: Option<u64>,
    /// How often it is renewed
    #[arg(long, value_name = "MS")]
    renew: Option<u64>,
    /// How much sooner than the lease a holder stops believing
    #[arg(long, value_name = "MS")]
    margin: Option<u64>,
    /// How often others look for free roles
    #[arg(long, value_name = "MS")]
    poll: Option<u64>,
    /// How long one call to the election may take
    #[arg(long, value_name = "MS")]
    call: Option<u64>,
    /// How often a server says that it is here
    #[arg(long, value_name = "MS")]
    beat: Option<u64>,
    /// After this time without a beat a server is late
    #[arg(long, value_name = "MS")]
    late: Option<u64>,
    /// After this time without a beat a server is lost
    #[arg(long, value_name = "MS")]
    lost: Option<u64>,
    /// How many servers may be here; 0 is any number
    #[arg(long, value_name = "COUNT")]
    max_servers: Option<u32>,
    /// After how many seconds a departed server is forgotten
    #[arg(long, value_name = "SECONDS")]
    forget_after: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// The order that a command means, for whom it is printed, and whether it is repeated.
pub(super) fn order(command: ClusterCommand, me: &NodeName) -> (ClusterOrder, Output, View) {
    match command {
        ClusterCommand::Status { watch, output } => {
            (ClusterOrder::Status, output, if watch { View::Watch } else { View::Status })
        }
        ClusterCommand::Nodes(output) => (ClusterOrder::Status, output, View::Nodes),
        ClusterCommand::Roles(output) => (ClusterOrder::Status, output, View::Roles),
        ClusterCommand::Jobs { id, cancel, verify, state, kind, output } => {
            let order = match (id, cancel, verify) {
                (Some(id), ..) => ClusterOrder::Job(id),
                (_, Some(id), _) => ClusterOrder::CancelJob(id),
                (_, _, true) => ClusterOrder::Verify,
                _ => ClusterOrder::Jobs { state, kind },
            };
            (order, output, View::Status)
        }
        ClusterCommand::Schedules(command) => {
            let (order, output) = command.order();
            (order, output, View::Status)
        }
        ClusterCommand::Enable { what, service_node, output } => {
            let mode = match what {
                Step::LoadBalancing => ClusterMode::LoadBalanced,
                Step::HighAvailability => ClusterMode::HighAvailability,
            };
            (mode_order(mode, service_node), output, View::Status)
        }
        ClusterCommand::Disable { what, service_node, output } => {
            let mode = match what {
                Step::LoadBalancing => ClusterMode::Single,
                Step::HighAvailability => ClusterMode::LoadBalanced,
            };
            (mode_order(mode, service_node), output, View::Status)
        }
        ClusterCommand::Configure(wanted) => configure(wanted),
        ClusterCommand::Drain { node, output, .. } => {
            let node = node.map_or_else(|| me.clone(), |node| node.0);
            (ClusterOrder::Drain(node), output, View::Status)
        }
        ClusterCommand::Resume { node, output } => (ClusterOrder::Resume(node.0), output, View::Status),
        ClusterCommand::Service { what, node, output } => {
            let (wish, enabling) = match what {
                ServiceStep::Start => (ServiceWish::Running, false),
                ServiceStep::Stop => (ServiceWish::Stopped, false),
                ServiceStep::Enable => (ServiceWish::Running, true),
                ServiceStep::Disable => (ServiceWish::Disabled, false),
            };
            (ClusterOrder::Service { node: node.0, wish, enabling }, output, View::Status)
        }
        ClusterCommand::Remove { node, force, output } => {
            (ClusterOrder::Remove { node: node.0, force }, output, View::Status)
        }
    }
}

fn mode_order(mode: ClusterMode, service_node: Option<NodeArgument>) -> ClusterOrder {
    ClusterOrder::Mode { mode, service_node: service_node.map(|node| node.0) }
}

fn configure(wanted: Configure) -> (ClusterOrder, Output, View) {
    let Configure { preset, lease, renew, margin, poll, call, beat, late, lost, .. } = wanted;
    let timing = TimingSetting { preset, lease, renew, margin, poll, call, beat, late, lost };
    let (max_servers, forget_after) = (wanted.max_servers, wanted.forget_after);
    let configuration = Configuration { timing, max_servers, forget_after };
    (ClusterOrder::Configure(configuration), wanted.output, View::Status)
}
