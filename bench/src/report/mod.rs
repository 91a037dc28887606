//! What was found, as `docs/PERFORMANCE.md` tells it.

mod table;

pub(crate) use table::{Compared, Table, Wanted};

use jiff::Timestamp;
use proget_tests::Outcome;
use table::thousands;

use crate::compare::Pace;
use crate::machine;

/// Written by hand, told by every report: what is compared with what, and what the time goes to.
const METHOD: &str = include_str!("../../method.md");
const NOTES: &str = include_str!("../../notes.md");

/// A figure for itself; less is better.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The machine's load right after.
    pub(crate) load: f64,
    pub(crate) at_most: Option<f64>,
    pub(crate) remark: String,
}

impl Plain {
    fn line(&self) -> String {
        let figure = format!("{} {}", thousands(self.value), self.unit);
        let figure = if self.is_missed() { format!("**{figure}**") } else { figure };
        let wanted = self.at_most.map_or("–".to_owned(), |most| format!("≤ {most} {}", self.unit));
        format!("| {} | {figure} ({:.1}) | {wanted} | {} |", self.what, self.load, self.remark)
    }

    fn is_missed(&self) -> bool {
        self.at_most.is_some_and(|most| self.value.is_nan() || self.value > most)
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    compared: Vec<Compared>,
    plain: Vec<Plain>,
}

impl Report {
    /// Adds a row, and shows it to whoever watches.
    pub(crate) fn compare(&mut self, row: Compared) {
        println!("{}", row.line());
        self.compared.push(row);
    }

    /// The same for a figure for itself.
    pub(crate) fn tell(&mut self, row: Plain) {
        println!("{}", row.line());
        self.plain.push(row);
    }

    /// All tables that have a row.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        for table in Table::ALL {
            let rows: String =
                self.compared.iter().filter(|row| row.table == table).map(|row| row.line() + "\n").collect();
            if !rows.is_empty() {
                text += &format!("{}{rows}\n", table.head());
            }
        }
        if !self.plain.is_empty() {
            let rows: String = self.plain.iter().map(|row| row.line() + "\n").collect();
            text += "## Memory, start and the benchmark itself\n\n| what | figure (load) | wanted | remark |\n|---|---|---|---|\n";
            text += &format!("{rows}\n");
        }
        text
    }

    fn missed(&self) -> String {
        let mut missed: Vec<String> = self.compared.iter().flat_map(Compared::missed).collect();
        for row in self.plain.iter().filter(|row| row.is_missed()) {
            let most = row.at_most.unwrap_or_default();
            missed.push(format!("{}: {} {} instead of {most}", row.what, thousands(row.value), row.unit));
        }
        if missed.is_empty() { "Nothing.".to_owned() } else { format!("- {}", missed.join("\n- ")) }
    }

    /// The whole document; `about` names the program that was measured.
    pub(crate) fn document(&self, pace: Pace, about: &str) -> Outcome<String> {
        Ok(format!(
            "# Performance\n\nWritten by `bench/run.sh`; do not edit. Its words are `bench/method.md` and \
             `bench/notes.md`.\n\n| | |\n|---|---|\n| when | {} |\n| machine | {} |\n| program | {about} |\n\
             | rounds | {} of {} s each, interleaved |\n\n{METHOD}\n{}## Missed\n\n{}\n\n{NOTES}",
            Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
            machine::description()?,
            pace.rounds,
            pace.length.as_secs(),
            self.tables(),
            self.missed(),
        ))
    }
}
