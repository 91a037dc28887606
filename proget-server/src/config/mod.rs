//! Configuration: from what was written (low) to checked parts (high).
//!
//! Reading order: `setting` and `list` (what there is), `written` (who said what: default, file,
//! environment, command line), `checked` (what it means, one record per concern), `complaint` (all
//! mistakes at once), `show` (what people see of it). The parts are plain records, so an embedder
//! may fill them from a configuration of his own.

mod checked;
mod complaint;
mod keys;
mod list;
mod messenger;
mod parse;
#[cfg(test)]
mod readme;
mod setting;
mod show;
#[cfg(test)]
mod tests;
mod written;

pub use checked::{Config, Front, Log, LogFormat, Places};
pub use complaint::{Complaint, Complaints, Source};
pub use keys::Keys;
pub use list::SETTINGS;
pub use messenger::{Endpoint, MessengerSettings};
pub use setting::{Kind, Setting, Standard};
pub use show::{Shown, show, table, without_password};
pub use written::{CONFIG_VARIABLE, FILES, Sources, Text, Written};
