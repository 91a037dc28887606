//! The command line: parse, run, and print errors well. What a command does stands in `run`
//! (the server), `administer` (orders), `database`, `store`, `keys` and here (the rest); how it is spelled in `arguments`.

mod administer;
mod arguments;
mod cluster;
mod cluster_view;
mod database;
mod ending;
mod jobs;
mod key_report;
mod keys;
mod print;
mod progress;
mod run;
mod schedules;
mod store;

pub use ending::Ending;

use crate::config::{Config, Sources, Written, show};
use crate::telemetry;
use arguments::{Configuration, Said, What};
use ending::Stopped;
use print::Form;
use std::io::Write as _;
use std::process::ExitCode;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    // The process's life is counted from here.
    crate::cluster::process_age();
    let said = match Said::parse(std::env::args_os()) {
        Ok(said) => said,
        Err(error) => {
            // Help and version come this way too, and are no mistakes. A closed pipe is none either.
            let _ = error.print();
            return if error.use_stderr() { Ending::Misconfigured.into() } else { Ending::Done.into() };
        }
    };
    match perform(said) {
        Ok(ending) => ending.into(),
        Err(stopped) => {
            let _ = writeln!(std::io::stderr().lock(), "proget: {}", stopped.what);
            stopped.ending.into()
        }
    }
}

fn perform(said: Said) -> Result<Ending, Stopped> {
    if let What::Version(output) = said.what {
        let version = env!("CARGO_PKG_VERSION");
        match Form::from(output) {
            Form::People => print::say(&format!("proget {version}")),
            Form::Json => print::say_json(&serde_json::json!({ "version": version })),
        }
        return Ok(Ending::Done);
    }
    if let What::Keys(keys::KeysCommand::Generate { machine_key, output }) = said.what {
        return if machine_key {
            keys::generate_machine_key(output.into())
        } else {
            keys::generate(output.into())
        };
    }
    let variables = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let sources = Sources { file: said.file, variables: variables.collect(), flags: said.flags };
    let mut complaints = Vec::new();
    let written = Written::gather(&sources, &mut complaints);
    let config = Config::check(&written, complaints);
    if let What::Config(Configuration::Show(output)) = said.what {
        show_configuration(&written, output.into());
        // A wrong configuration is shown all the same: that is when people look at it.
        return config.map(|_| Ending::Done).map_err(misconfigured);
    }
    let config = config.map_err(misconfigured)?;
    if let What::Keys(keys::KeysCommand::Status { local: true, output }) = said.what {
        keys::configured(&config.keys, output.into());
        return Ok(Ending::Done);
    }
    let _logging = telemetry::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stopped::new(Ending::CannotStart, format!("cannot start the runtime: {error}")))?;
    let ending = runtime.block_on(async {
        match said.what {
            What::Run => run::run(&config, &written).await,
            What::Db(what) => database::database(&config, what).await,
            What::Store(what) => store::store(&config, what).await,
            what => match administer::order(what, &config.node_name) {
                Some((order, form, view)) => administer::administer(&config, &order, form, view).await,
                None => Ok(Ending::Done),
            },
        }
    });
    // Tasks get a moment to let go of what they hold: the scratch folder goes with the last of them.
    // Blocking work that nobody waits for any more must not keep the program from ending.
    runtime.shutdown_timeout(LETTING_GO);
    ending
}

/// How long an orderly end waits for tasks and blocking work after everything else is done.
const LETTING_GO: std::time::Duration = std::time::Duration::from_millis(500);

fn misconfigured(complaints: crate::config::Complaints) -> Stopped {
    Stopped::new(Ending::Misconfigured, complaints.to_string())
}

fn show_configuration(written: &Written, form: Form) {
    let shown = show(written);
    match form {
        Form::Json => print::say_json(&shown),
        Form::People => {
            let file = written.file.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
            let rows = shown.into_iter().map(|one| vec![one.name.to_owned(), one.value, one.source]);
            print::say(&format!(
                "configuration file: {file}\n\n{}",
                print::table(&["SETTING", "VALUE", "SET BY"], rows)
            ));
        }
    }
}
