//! The command line as it is written. Commands are spelled here; the flags for settings come from
//! the list of settings.

use super::cluster::ClusterCommand;
use super::keys::KeysCommand;
use super::store::StoreCommand;
use crate::config::{CONFIG_VARIABLE, Kind, SETTINGS, Setting, Standard};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A package registry: a server, and the commands that look after it
#[derive(Debug, Parser)]
#[command(name = "proget", version, disable_help_subcommand = true)]
#[command(after_help = "Without a command the server runs. '--help' also lists every setting.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<What>,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum What {
    /// Run the server (the default)
    Run,
    /// List, create and delete feeds
    #[command(subcommand)]
    Feed(Feed),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Make encryption keys, look at those of all servers, and exchange them
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Help administrators who are locked out
    #[command(subcommand)]
    Admin(Admin),
    /// Look after the database
    #[command(subcommand)]
    Db(Db),
    /// Try whether packages may be kept in a store
    #[command(subcommand)]
    Store(StoreCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Configuration),
    /// Read every package and compare it with its digest
    Verify(Output),
    /// Give back the space of what nothing refers to
    Sweep(Sweep),
    /// Show what was done, by whom and when: publishes, removals, changes, sweeps
    Journal(Journal),
    /// Look after the cluster: its servers, roles, jobs and mode
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Print the version
    Version(Output),
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Feed {
    /// List all feeds
    List(Output),
    /// Create a feed
    Create {
        /// Its name: letters, digits, '.', '_' and '-'
        name: String,
        /// Its type
        #[arg(long = "type", default_value = "npm", value_name = "TYPE")]
        format: String,
        /// Words for people
        #[arg(long, default_value = "")]
        description: String,
        /// Let everybody read it, without credentials
        #[arg(long)]
        anonymous_view: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a feed
    Delete {
        /// Its name
        name: String,
        /// Delete its packages too
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Key {
    /// List all keys, without their texts
    List(Output),
    /// Create a key and print its text, once
    Create(NewKey),
    /// Revoke a key; the very next request with it is refused
    Revoke {
        /// Its number, as 'key list' shows it
        id: i64,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct NewKey {
    /// What it is for
    #[arg(long, default_value = "")]
    pub(super) name: String,
    /// More words for people
    #[arg(long, default_value = "")]
    pub(super) description: String,
    /// Let it work in this feed only
    #[arg(long, conflicts_with_all = ["full_control", "user"])]
    pub(super) feed: Option<String>,
    /// What it may do
    #[arg(long, value_enum, value_delimiter = ',', default_value = "view,add", conflicts_with_all = ["full_control", "user"])]
    pub(super) may: Vec<May>,
    /// Let it do everything
    #[arg(long, conflicts_with = "user")]
    pub(super) full_control: bool,
    /// Let it do whatever this user may do
    #[arg(long)]
    pub(super) user: Option<String>,
    /// For how many days it is good
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(super) days: Option<u64>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum May {
    /// See and download packages
    View,
    /// Publish packages
    Add,
    /// Promote packages
    Promote,
    /// Remove and change packages
    Delete,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Admin {
    /// Give a user a new random password and print it, once
    ResetPassword {
        /// Whose
        #[arg(default_value = crate::accounts::ADMINISTRATOR)]
        user: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Db {
    /// Bring the schema up to date
    Migrate(Output),
    /// Say what state the schema is in
    Status(Output),
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Configuration {
    /// Show each setting with its value and who set it
    Show(Output),
}

#[derive(Debug, Clone, Args)]
pub(super) struct Sweep {
    /// After a sweep stopped deleting: say that database and package store belong together
    #[arg(long, conflicts_with = "delete_after")]
    pub(super) confirm: bool,
    /// Seconds that doomed files are kept; 600 unless said. Less only while nobody downloads
    #[arg(long, value_name = "SECONDS")]
    pub(super) delete_after: Option<u64>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Journal {
    /// How many entries, from the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) limit: u32,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What was said: the command, the file, and flags for settings.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) what: What,
    pub(super) file: Option<PathBuf>,
    pub(super) flags: Vec<(&'static str, String)>,
}

impl Said {
    /// Reads a command line.
    ///
    /// # Errors
    /// What clap says, which is also how help texts come about.
    pub(super) fn parse(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(words)?;
        let what = Arguments::from_arg_matches(&matches)?.command.unwrap_or(What::Run);
        // A flag may stand behind any word of the command; the innermost knows of all.
        let mut innermost = &matches;
        while let Some((_, inner)) = innermost.subcommand() {
            innermost = inner;
        }
        let flags = SETTINGS.iter().filter_map(|setting| given(innermost, setting)).collect();
        Ok(Self { what, file: innermost.get_one::<PathBuf>("config").cloned(), flags })
    }
}

fn given(matches: &ArgMatches, setting: &'static Setting) -> Option<(&'static str, String)> {
    let flag = setting.flag()?;
    Some((setting.name, matches.get_one::<String>(flag)?.clone()))
}

/// All commands, with the flags for settings.
pub(super) fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help(format!("Configuration file [env: {CONFIG_VARIABLE}]"))
        .value_parser(clap::value_parser!(PathBuf))
        .global(true)
        .help_heading("Settings")
        .display_order(1_000);
    let settings = SETTINGS.iter().enumerate().filter_map(|(place, setting)| flag(place, setting));
    <Arguments as clap::CommandFactory>::command().arg(config).args(settings)
}

fn flag(place: usize, setting: &'static Setting) -> Option<Arg> {
    let standard = match setting.standard {
        Standard::Value(text) => format!("default: {text}"),
        Standard::Otherwise(words) => format!("otherwise: {words}"),
    };
    let values = match setting.kind {
        Kind::Choice(words) => format!(": {}", words.join(" or ")),
        _ => String::new(),
    };
    let help =
        format!("{}{values} [{standard}] [env: {}]", setting.about, setting.variable()).replace('`', "");
    let arg = Arg::new(setting.flag()?)
        .long(setting.flag()?)
        .value_name(setting.kind.placeholder())
        .help(help)
        .global(true)
        .hide_short_help(true)
        .help_heading("Settings")
        .display_order(1_001 + place);
    Some(arg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Said {
        Said::parse(line.split(' ').map(Into::into)).unwrap()
    }

    #[test]
    fn the_command_line_is_sound_and_no_flag_clashes_with_a_setting() {
        command().debug_assert();
    }

    #[test]
    fn without_a_command_the_server_runs() {
        assert!(matches!(said("proget").what, What::Run));
        assert!(matches!(said("proget --listen 127.0.0.1:0").what, What::Run));
    }

    #[test]
    fn a_setting_may_stand_before_and_behind_any_command() {
        for line in [
            "proget --data-dir /x --config /c feed list",
            "proget feed --data-dir /x --config /c list",
            "proget feed list --data-dir /x --config /c",
        ] {
            let said = said(line);
            assert_eq!(said.flags, [("data-dir", "/x".to_owned())], "{line}");
            assert_eq!(said.file, Some("/c".into()), "{line}");
        }
    }

    #[test]
    fn help_names_every_setting_and_no_secret_is_a_flag() {
        let help = command().render_long_help().to_string();
        for setting in SETTINGS {
            assert_eq!(
                help.contains(&format!("--{} ", setting.name)),
                !setting.kind.is_secret(),
                "{}",
                setting.name
            );
        }
        assert!(!command().render_help().to_string().contains("--timeout-drain"), "short help is short");
    }

    #[test]
    fn a_key_has_one_scope() {
        assert!(Said::parse("proget key create --feed a --full-control".split(' ').map(Into::into)).is_err());
        assert!(Said::parse("proget key create --user a --may view".split(' ').map(Into::into)).is_err());
        let What::Key(Key::Create(key)) = said("proget key create --feed a --may view,delete").what else {
            panic!()
        };
        assert_eq!(key.may.len(), 2);
    }
}
