//! `proget keys`: how it is spelled, making keys, and telling which ones this server is configured with.
//! Keys are printed only where they are made; everywhere else they go by their fingerprints. What the
//! others have, and the steps of an exchange, are orders; how their answer looks is in `key_report`.
//!
//! A key alone goes to standard output, so that it can be sent into a file; the words about it go to
//! standard error.

use super::arguments::Output;
use super::ending::{Ending, Stopped};
use super::print::{self, Form};
use crate::config::Keys;
use crate::control::KeyOrder;
use clap::Subcommand;
use proget_core::keys::{EncryptionKey, Fingerprint, KeyError, KeyRing, MachineKey};
use serde_json::json;
use std::io::Write as _;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a new encryption key and print it; nothing is stored
    Generate {
        /// Make a machine key instead: the validation key and the decryption key of login sessions
        #[arg(long)]
        machine_key: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Say which keys there are, which servers have them or lack them, and what still needs them
    Status {
        /// Ask nobody; say only which keys this server is configured with
        #[arg(long)]
        local: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Let another key seal, once every server has it; old values are sealed anew in the background
    #[command(visible_alias = "rotate")]
    Promote {
        /// Which, as 'keys status' shows it
        fingerprint: Fingerprint,
        #[command(flatten)]
        output: Output,
    },
    /// Seal old values anew once more, after that was given up
    Reseal(Output),
    /// Give an old key up, once nothing needs it any more
    Retire {
        /// Which, as 'keys status' shows it
        fingerprint: Fingerprint,
        #[command(flatten)]
        output: Output,
    },
}

impl KeysCommand {
    /// The order that a command means, if it is one.
    pub(super) fn order(self) -> Option<(KeyOrder, Output)> {
        match self {
            Self::Generate { .. } | Self::Status { local: true, .. } => None,
            Self::Status { output, .. } => Some((KeyOrder::Report, output)),
            Self::Promote { fingerprint, output } => Some((KeyOrder::Promote(fingerprint), output)),
            Self::Reseal(output) => Some((KeyOrder::Reseal, output)),
            Self::Retire { fingerprint, output } => Some((KeyOrder::Retire(fingerprint), output)),
        }
    }
}

pub(super) fn generate(form: Form) -> Result<Ending, Stopped> {
    let key = EncryptionKey::generate().map_err(failed)?;
    let (fingerprint, text) = (key.fingerprint(), key.text());
    match form {
        Form::Json => print::say_json(&json!({ "fingerprint": fingerprint, "encryptionKey": text.reveal() })),
        Form::People => {
            print::say(text.reveal());
            explain(&format!(
                "This is an encryption key with the fingerprint {fingerprint}. Give it to every server, as\n\
                 PROGET_ENCRYPTION_KEY or in a file that PROGET_ENCRYPTION_KEY_FILE names. Keep a copy, apart\n\
                 from the backups of the database: what it seals cannot be read without it."
            ));
        }
    }
    Ok(Ending::Done)
}

pub(super) fn generate_machine_key(form: Form) -> Result<Ending, Stopped> {
    let key = MachineKey::generate().map_err(failed)?;
    let (fingerprint, (validation, decryption)) = (key.fingerprint(), key.texts());
    match form {
        Form::Json => print::say_json(&json!({
            "fingerprint": fingerprint,
            "validationKey": validation.reveal(),
            "decryptionKey": decryption.reveal(),
        })),
        Form::People => {
            print::say(&format!("PROGET_MACHINE_KEY_VALIDATION={}", validation.reveal()));
            print::say(&format!("PROGET_MACHINE_KEY_DECRYPTION={}", decryption.reveal()));
            explain(&format!(
                "This is a machine key with the fingerprint {fingerprint}. Give both parts to every server. It is\n\
                 needed only where login sessions must not follow from the encryption key."
            ));
        }
    }
    Ok(Ending::Done)
}

/// What this server is configured with. What the instance says about its keys is another matter.
pub(super) fn configured(keys: &Keys, form: Form) {
    let ring = keys.ring.as_ref().map(KeyRing::fingerprints).unwrap_or_default();
    let machine = keys.machine.as_ref().map(MachineKey::fingerprint);
    match form {
        Form::Json => print::say_json(&json!({ "encryptionKeys": ring, "machineKey": machine })),
        Form::People => {
            let encryption = ring.iter().map(|key| vec!["encryption key".to_owned(), key.to_string()]);
            let machine = machine.map(|key| vec!["machine key".to_owned(), key.to_string()]);
            let mut text = if ring.is_empty() {
                "no encryption key is configured; 'proget keys generate' makes one\n".to_owned()
            } else {
                String::new()
            };
            let rows: Vec<_> = encryption.chain(machine).collect();
            if !rows.is_empty() {
                text += &print::table(&["KEY", "FINGERPRINT"], rows.into_iter());
            }
            print::say(&text);
        }
    }
}

/// Tells a starting server's log which keys it has.
pub(super) fn log(keys: &Keys) {
    if let Some(ring) = &keys.ring {
        let fingerprints: Vec<String> = ring.fingerprints().iter().map(ToString::to_string).collect();
        tracing::info!(fingerprints = fingerprints.join(", "), "encryption keys are configured");
    }
    if let Some(machine) = &keys.machine {
        tracing::info!(fingerprint = %machine.fingerprint(), "a machine key is configured");
    }
}

fn explain(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

fn failed(error: KeyError) -> Stopped {
    Stopped::new(Ending::Failed, format!("cannot make a key: {error}"))
}
