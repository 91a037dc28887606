//! How the report about encryption keys looks to people: a line for each key, who lacks which, and
//! whether old ones may go.

use super::print::table;
use proget_cluster::node::keys::{KeyReport, MachineKeyLine, ResealStatus};
use proget_core::cluster::NodeName;
use proget_core::keys::{KeyLine, Lacking};
use std::collections::BTreeSet;

/// The report.
pub(super) fn report(report: &KeyReport) -> String {
    if report.keys.is_empty() {
        let text = "no server has an encryption key; 'proget keys generate' makes one\n".to_owned();
        return text + &machine_keys(&report.machine_keys);
    }
    let heads = ["KEY", "STATE", "VALUES", "HERE", "ON", "LACKED BY", "MAY BE RETIRED"];
    let mut text = table(&heads, report.keys.iter().map(row));
    for line in report.keys.iter().filter(|line| !line.seals && !line.retired) {
        if let Some(why) = &line.why_not {
            text += &format!("\n{} may not be retired: {why}\n", line.fingerprint);
        }
    }
    if let Some(reseal) = &report.reseal {
        text += &format!("\n{}\n", resealing(reseal));
    }
    text += &machine_keys(&report.machine_keys);
    for problem in &report.problems {
        text += &format!("\n! {problem}\n");
    }
    text
}

fn row(line: &KeyLine) -> Vec<String> {
    let state = match (line.seals, line.retired) {
        (true, _) => "seals",
        (false, true) => "retired",
        (false, false) => "opens",
    };
    let retirable = match (line.retired, line.may_be_retired) {
        (true, _) => "done",
        (false, true) => "yes",
        (false, false) => "no",
    };
    vec![
        line.fingerprint.to_string(),
        state.into(),
        line.values.to_string(),
        if line.here { "yes" } else { "no" }.into(),
        listed(line.held_by.iter().map(NodeName::to_string)),
        listed(line.lacked_by.iter().map(lacking)),
        retirable.into(),
    ]
}

fn lacking(lacking: &Lacking) -> String {
    if lacking.here { lacking.node.to_string() } else { format!("{} (away)", lacking.node) }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "-".into() } else { names.join(", ") }
}

fn resealing(reseal: &ResealStatus) -> String {
    let said = match (reseal.state.as_str(), &reseal.outcome) {
        ("running", _) | (_, None) => reseal.progress.as_str(),
        (_, Some(outcome)) => outcome.as_str(),
    };
    let colon = if said.is_empty() { "" } else { ": " };
    let advice = match reseal.state.as_str() {
        "failed" | "cancelled" => "; 'proget keys reseal' tries again",
        _ => "",
    };
    format!("sealing old values anew: job {} is {}{colon}{said}{advice}", reseal.job, reseal.state)
}

/// Nothing, unless somebody has one: then who has which.
fn machine_keys(lines: &[MachineKeyLine]) -> String {
    if lines.iter().all(|line| line.fingerprint.is_none()) {
        return String::new();
    }
    let called = |line: &MachineKeyLine| line.fingerprint.clone().unwrap_or_else(|| "(none)".into());
    let different: BTreeSet<String> = lines.iter().map(called).collect();
    let rows = lines.iter().map(|line| {
        let verdict = if line.in_sync { "in sync" } else { "DIFFERS" };
        vec![line.node.to_string(), called(line), verdict.to_owned()]
    });
    let mut text = format!("\n{}", table(&["NODE", "MACHINE KEY", ""], rows));
    if different.len() > 1 {
        text += "\n! give all servers that answer requests the same machine key, or none\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    fn exchange() -> KeyReport {
        let line = |digit: char, seals| KeyLine {
            fingerprint: digit.to_string().repeat(16).parse().unwrap(),
            seals,
            retired: false,
            here: true,
            values: if seals { 4 } else { 2 },
            held_by: vec![name("a")],
            lacked_by: vec![
                Lacking { node: name("b"), here: true },
                Lacking { node: name("c"), here: false },
            ],
            may_be_retired: false,
            why_not: Some(if seals { "it seals".into() } else { "2 sealed values still need it".into() }),
        };
        KeyReport {
            answered_by: name("a"),
            sealing: Some("1111111111111111".parse().unwrap()),
            keys: vec![line('1', true), line('2', false)],
            machine_keys: Vec::new(),
            reseal: Some(ResealStatus {
                job: 7,
                state: "failed".into(),
                progress: String::new(),
                outcome: Some("no such key".into()),
            }),
            problems: vec!["something cannot be read".into()],
        }
    }

    #[test]
    fn each_key_has_a_line_that_says_who_lacks_it_and_why_it_must_stay() {
        let text = report(&exchange());
        let words =
            |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(1), "1111111111111111 seals 4 yes a b, c (away) no", "{text}");
        assert_eq!(words(2), "2222222222222222 opens 2 yes a b, c (away) no", "{text}");
        for part in [
            "\n2222222222222222 may not be retired: 2 sealed values still need it\n",
            "\nsealing old values anew: job 7 is failed: no such key; 'proget keys reseal' tries again\n",
            "\n! something cannot be read\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("1111111111111111 may not"), "that the sealing key stays needs no words");
    }

    #[test]
    fn machine_keys_are_told_only_if_there_are_any_and_the_odd_one_is_named() {
        let mut told = exchange();
        assert!(!report(&told).contains("MACHINE"));
        let line = |node, fingerprint: Option<&str>, in_sync| MachineKeyLine {
            node: name(node),
            fingerprint: fingerprint.map(str::to_owned),
            in_sync,
        };
        told.machine_keys = vec![line("a", None, true), line("b", Some("00000000000000aa"), false)];
        let text = report(&told);
        assert!(text.contains("b     00000000000000aa  DIFFERS"), "{text}");
        assert!(text.contains("! give all servers"), "{text}");
        told.keys.clear();
        assert!(report(&told).starts_with("no server has an encryption key"));
    }
}
