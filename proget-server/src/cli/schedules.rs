//! `proget cluster schedules …`: how it is spelled, and how schedules look to people.

use super::arguments::Output;
use super::jobs::moment;
use super::print::table;
use crate::control::{ClusterOrder, ScheduleChange, ScheduleWish};
use crate::documents::ScheduleDocument;
use clap::{Args, Subcommand};

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Schedules {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// List all schedules (the default)
    List(Output),
    /// Add a schedule; it is due for the first time at its next moment
    Add {
        /// Its name: letters, digits, '.', '_' and '-'
        name: String,
        /// When it is due, in the five fields of cron and in UTC: '30 3 * * *' is every day at 3:30
        #[arg(long)]
        cron: String,
        /// The kind of job that it wants, such as verify
        #[arg(long)]
        kind: String,
        /// That job's key
        #[arg(long, default_value = "")]
        key: String,
        /// That job's input
        #[arg(long, default_value = "")]
        input: String,
        /// Do not follow it until it is enabled
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Change a schedule; other times count from now on
    Change {
        /// Which
        name: String,
        /// Other times
        #[arg(long, required_unless_present_any = ["kind", "key", "input"])]
        cron: Option<String>,
        /// Another kind of job
        #[arg(long)]
        kind: Option<String>,
        /// Another key
        #[arg(long)]
        key: Option<String>,
        /// Another input
        #[arg(long)]
        input: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Follow a schedule from now on; what was due meanwhile is not made up for
    Enable(Named),
    /// Do not follow a schedule until it is enabled again
    Disable(Named),
    /// Have the job of a schedule done now, apart from its times
    Run(Named),
    /// Remove a schedule; jobs that it wanted stay
    Remove(Named),
}

#[derive(Debug, Clone, Args)]
struct Named {
    /// Which
    name: String,
    #[command(flatten)]
    output: Output,
}

impl Schedules {
    /// The order that it means, and for whom the outcome is printed.
    pub(super) fn order(self) -> (ClusterOrder, Output) {
        let enabled = |named: Named, enabled| {
            let change = ScheduleChange { enabled: Some(enabled), ..ScheduleChange::default() };
            (ClusterOrder::ChangeSchedule { name: named.name, change }, named.output)
        };
        match self.what {
            None => (ClusterOrder::Schedules, self.output),
            Some(What::List(output)) => (ClusterOrder::Schedules, output),
            Some(What::Add { name, cron, kind, key, input, disabled, output }) => {
                let wish = ScheduleWish { name, cron, kind, key, input, enabled: !disabled };
                (ClusterOrder::AddSchedule(wish), output)
            }
            Some(What::Change { name, cron, kind, key, input, output }) => {
                let change = ScheduleChange { cron, kind, key, input, enabled: None };
                (ClusterOrder::ChangeSchedule { name, change }, output)
            }
            Some(What::Enable(named)) => enabled(named, true),
            Some(What::Disable(named)) => enabled(named, false),
            Some(What::Run(named)) => (ClusterOrder::RunSchedule(named.name), named.output),
            Some(What::Remove(named)) => (ClusterOrder::RemoveSchedule(named.name), named.output),
        }
    }
}

/// Schedules for people.
pub(super) fn schedules(schedules: &[ScheduleDocument]) -> String {
    if schedules.is_empty() {
        return "there is no schedule".into();
    }
    let row = |schedule: &ScheduleDocument| {
        let next = match (schedule.enabled, schedule.next) {
            (false, _) => "disabled".to_owned(),
            (true, Some(next)) => moment(next),
            (true, None) => "its times cannot be read".to_owned(),
        };
        let key = if schedule.key.is_empty() { "-".to_owned() } else { schedule.key.clone() };
        let (name, cron, kind) = (schedule.name.clone(), schedule.cron.clone(), schedule.kind.clone());
        vec![name, cron, kind, key, next, moment(schedule.last)]
    };
    table(&["NAME", "CRON", "KIND", "KEY", "NEXT", "SINCE"], schedules.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::{Said, What as Command};
    use crate::cli::cluster::ClusterCommand;
    use proget_core::clock::Timestamp;

    fn order(line: &str) -> ClusterOrder {
        let said = Said::parse(line.split(' ').map(Into::into)).unwrap_or_else(|error| panic!("{error}"));
        match said.what {
            Command::Cluster(ClusterCommand::Schedules(schedules)) => schedules.order().0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_about_schedules_means_its_order() {
        assert_eq!(order("proget cluster schedules"), ClusterOrder::Schedules);
        assert_eq!(order("proget cluster schedules list --json"), ClusterOrder::Schedules);
        let ClusterOrder::AddSchedule(wish) =
            order("proget cluster schedules add n --cron @x --kind verify --disabled")
        else {
            panic!("no wish")
        };
        assert_eq!((wish.name.as_str(), wish.cron.as_str(), wish.enabled), ("n", "@x", false));
        let enable = order("proget cluster schedules enable n");
        let change = ScheduleChange { enabled: Some(true), ..ScheduleChange::default() };
        assert_eq!(enable, ClusterOrder::ChangeSchedule { name: "n".into(), change });
        assert_eq!(order("proget cluster schedules run n"), ClusterOrder::RunSchedule("n".into()));
        assert_eq!(order("proget cluster schedules remove n"), ClusterOrder::RemoveSchedule("n".into()));
        let nothing = "proget cluster schedules change n";
        assert!(Said::parse(nothing.split(' ').map(Into::into)).is_err(), "nothing to change");
    }

    #[test]
    fn a_schedule_says_when_it_is_due_next_or_that_it_is_disabled() {
        let nightly = ScheduleDocument {
            name: "nightly".into(),
            cron: "0 3 * * *".into(),
            kind: "verify".into(),
            key: String::new(),
            input: String::new(),
            enabled: true,
            last: Timestamp(0),
            next: Some(Timestamp(10_800_000)),
        };
        let text = schedules(std::slice::from_ref(&nightly));
        assert!(text.contains("nightly  0 3 * * *  verify  -    1970-01-01T03:00:00Z  1970-"), "{text}");
        let off = ScheduleDocument { enabled: false, next: None, ..nightly };
        assert!(schedules(&[off]).contains("disabled"));
    }
}
