//! `proget store`: package stores looked at from here, without a server and without the database.

use super::arguments::Output;
use super::ending::{Ending, Stopped};
use super::print::{self, Form};
use crate::config::Config;
use clap::Subcommand;
use proget_core::blob::{Judgement, SelfTest, Verdict};
use proget_core::clock::SystemClock;
use proget_core::problem::chain;
use proget_storage::{OpenError, StoreAddress};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum StoreCommand {
    /// Try whether packages may be kept in a store: it is written to, read and cleared up again
    Test {
        /// Its path or URL, spelled like the setting 'storage-root'; otherwise the one that is set
        address: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

pub(super) async fn store(config: &Config, what: StoreCommand) -> Result<Ending, Stopped> {
    let StoreCommand::Test { address, output } = what;
    let address = match address {
        Some(text) => {
            text.parse().map_err(|error: OpenError| Stopped::new(Ending::Misconfigured, error.to_string()))?
        }
        None => config.places.store.clone(),
    };
    let told = tried(&address).await.map_err(|error| Stopped::new(Ending::Failed, chain(&error)))?;
    match output.into() {
        Form::People => print::say(&for_people(&told)),
        Form::Json => print::say_json(&told),
    }
    Ok(if told.verdict == Verdict::DoNotUse { Ending::Failed } else { Ending::Done })
}

async fn tried(address: &StoreAddress) -> Result<SelfTest, OpenError> {
    // One after the other: the first may have to make what is missing.
    let (store, again) = (address.open().await?, address.open().await?);
    Ok(SelfTest::of(&*store, &*again, &SystemClock).await)
}

fn for_people(told: &SelfTest) -> String {
    let rows = told.findings.iter().map(|finding| {
        let judgement = match finding.judgement {
            Judgement::Holds => "ok",
            Judgement::Fallback => "does without",
            Judgement::Alone => "one server",
            Judgement::Broken => "BROKEN",
        };
        vec![finding.property.to_owned(), judgement.to_owned(), finding.told.clone()]
    });
    let table = print::table(&["TRIED", "", "FOUND"], rows);
    let verdict = match told.verdict {
        Verdict::SafeForACluster => "safe for a cluster".to_owned(),
        Verdict::SafeForOneServer => format!("safe for one server; {}", told.why),
        Verdict::DoNotUse => format!("do not use; {}", told.why),
    };
    format!("{}\n\n{table}\n{verdict}", told.store)
}
