//! The tables in which servers are compared: which columns each has, and how a cell reads.

use std::mem::discriminant;

use crate::compare::{Series, Who};

/// A table of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Documents,
    Files,
    Publishing,
    Large,
}

/// A figure that should be so many times another's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) ours: Who,
    pub(crate) against: Who,
    pub(crate) times: f64,
}

/// The same work done by several.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) table: Table,
    pub(crate) what: String,
    pub(crate) all: Vec<(Who, Series)>,
    pub(crate) wanted: Vec<Wanted>,
}

enum Column {
    Figure(Who),
    Ratio(Who, Who),
    /// Microseconds of a processor for each answer, of these in turn.
    Cost(&'static [Who]),
}

/// Stands for whichever peer a row has.
const PEER: Who = Who::Peer("peer");

use Column::{Cost, Figure, Ratio};

impl Table {
    pub(super) const ALL: [Self; 4] = [Self::Documents, Self::Files, Self::Publishing, Self::Large];

    fn title(self) -> &'static str {
        match self {
            Self::Documents => "Documents, requests a second",
            Self::Files => "Files, MiB a second",
            Self::Publishing => "Publishing, packages a second",
            Self::Large => "A large feed beside a small one, requests a second",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Documents | Self::Files => &[
                Figure(Who::Nginx),
                Figure(Who::Alone),
                Ratio(Who::Alone, Who::Nginx),
                Figure(Who::Postgres),
                Ratio(Who::Postgres, Who::Nginx),
                Figure(PEER),
                Ratio(Who::Alone, PEER),
                Cost(&[Who::Nginx, Who::Alone, Who::Postgres, PEER]),
            ],
            Self::Publishing => &[
                Figure(Who::Alone),
                Figure(Who::Postgres),
                Figure(PEER),
                Ratio(Who::Alone, PEER),
                Ratio(Who::Postgres, PEER),
                Cost(&[Who::Alone, Who::Postgres, PEER]),
            ],
            Self::Large => &[
                Figure(Who::Small),
                Figure(Who::Large),
                Ratio(Who::Large, Who::Small),
                Cost(&[Who::Small, Who::Large]),
            ],
        }
    }

    /// Title and head.
    pub(super) fn head(self) -> String {
        let titles: Vec<String> = self.columns().iter().map(Column::title).collect();
        let rules = "---|".repeat(titles.len() + 2);
        format!("## {}\n\n| what | {} | wanted |\n|{rules}\n", self.title(), titles.join(" | "))
    }
}

impl Column {
    fn title(&self) -> String {
        match self {
            Figure(who) => format!("{} (load)", who.name()),
            Ratio(ours, against) => format!("{} ÷ {}", ours.name(), against.name()),
            Cost(all) => {
                let names: Vec<_> = all.iter().map(|who| who.name()).collect();
                format!("processor µs each: {}", names.join(" / "))
            }
        }
    }
}

impl Compared {
    /// The row as it stands in its table.
    pub(super) fn line(&self) -> String {
        let cells: Vec<String> = self.table.columns().iter().map(|column| self.cell(column)).collect();
        let wanted: Vec<String> = self
            .wanted
            .iter()
            .map(|wanted| format!("{} ≥ {} × {}", wanted.ours.name(), wanted.times, wanted.against.name()))
            .collect();
        let wanted = if wanted.is_empty() { "–".to_owned() } else { wanted.join(", ") };
        format!("| {} | {} | {wanted} |", self.what, cells.join(" | "))
    }

    fn cell(&self, column: &Column) -> String {
        match column {
            Figure(who) => {
                let Some((who, series)) = self.find(*who) else { return "–".to_owned() };
                let name = if let Who::Peer(name) = who { format!("{name} ") } else { String::new() };
                let failed =
                    if series.failed > 0 { format!("; {} failed", series.failed) } else { String::new() };
                format!("{name}{} ({:.1}{failed})", thousands(series.value()), series.load())
            }
            Cost(all) => {
                let costs = all.iter().map(|who| self.find(*who).map(|(_, series)| thousands(series.cost())));
                costs.map(|cost| cost.unwrap_or_else(|| "–".to_owned())).collect::<Vec<_>>().join(" / ")
            }
            Ratio(ours, against) => match self.ratio(*ours, *against) {
                None => "–".to_owned(),
                Some(ratio) => {
                    let missed = self.wanted.iter().any(|wanted| wanted.is_missed_by(*ours, *against, ratio));
                    let text = if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.2}") };
                    if missed { format!("**{text}**") } else { text }
                }
            },
        }
    }

    fn find(&self, who: Who) -> Option<&(Who, Series)> {
        self.all.iter().find(|(other, _)| discriminant(other) == discriminant(&who))
    }

    fn ratio(&self, ours: Who, against: Who) -> Option<f64> {
        Some(self.find(ours)?.1.ratio_to(&self.find(against)?.1))
    }

    /// What was not reached, a line each.
    pub(super) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for wanted in &self.wanted {
            let Some(ratio) = self.ratio(wanted.ours, wanted.against) else { continue };
            if ratio.is_nan() {
                missed.push(format!(
                    "{}, {}: not every answer was a good one",
                    self.what,
                    wanted.ours.name()
                ));
            } else if wanted.is_missed_by(wanted.ours, wanted.against, ratio) {
                missed.push(format!(
                    "{}, {}: {ratio:.2} × {} instead of {} × ({:.0} % short)",
                    self.what,
                    wanted.ours.name(),
                    wanted.against.name(),
                    wanted.times,
                    100.0 * (1.0 - ratio / wanted.times)
                ));
            }
        }
        missed
    }
}

impl Wanted {
    fn is_missed_by(&self, ours: Who, against: Who, ratio: f64) -> bool {
        let same = |one: Who, other: Who| discriminant(&one) == discriminant(&other);
        // A ratio that is no number has not been reached either.
        same(self.ours, ours) && same(self.against, against) && (ratio.is_nan() || ratio < self.times)
    }
}

/// With commas, and with a digit behind the point only where that says something.
pub(super) fn thousands(value: f64) -> String {
    if value.is_nan() {
        return "stalled".to_owned();
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Sample;

    fn row(ours: f64) -> Compared {
        let series = |value| Series { samples: vec![Sample { value, cost: 55.5, load: 3.1 }], failed: 0 };
        Compared {
            table: Table::Publishing,
            what: "npm, 16".into(),
            all: vec![(Who::Alone, series(ours)), (Who::Peer("Verdaccio"), series(300.0))],
            wanted: vec![Wanted { ours: Who::Alone, against: Who::Peer("Verdaccio"), times: 2.0 }],
        }
    }

    #[test]
    fn a_row_has_as_many_cells_as_its_table_has_columns() {
        let (line, head) = (row(1234.5).line(), Table::Publishing.head());
        assert_eq!(
            line,
            "| npm, 16 | 1,234 (3.1) | – | Verdaccio 300 (3.1) | 4.12 | – | 55.5 / – / 55.5 | SQLite ≥ 2 × Verdaccio |"
        );
        let cells = |text: &str| text.matches('|').count();
        assert!(head.lines().skip(2).all(|title| cells(title) == cells(&line)), "{head}");
    }

    #[test]
    fn what_is_not_reached_is_told_and_stands_out() {
        assert!(row(600.0).missed().is_empty());
        let short = row(450.0);
        assert_eq!(short.missed(), ["npm, 16, SQLite: 1.50 × Verdaccio instead of 2 × (25 % short)"]);
        assert!(short.line().contains("**1.50**"));
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!(
            [thousands(1234567.0), thousands(999.6), thousands(12.34)],
            ["1,234,567", "1,000", "12.3"]
        );
    }
}
