//! On what it was measured, and what else the machine was doing.

use std::fs;

use anyhow::Context as _;
use proget_tests::Outcome;

/// How many processes wanted a processor on average of the last minute, the measured ones included.
pub(crate) fn load() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().context("an empty /proc/loadavg")?.parse()?)
}

/// Processor, cores, memory, kernel: one line.
pub(crate) fn description() -> Outcome<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism()?;
    let memory: f64 = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .context("/proc/meminfo does not tell the memory")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("{model}, {cores} cores, {:.0} GiB of memory, Linux {}", memory / 1_048_576.0, kernel.trim()))
}

/// The KiB after this word in the status of a process, such as `VmRSS` or `VmHWM`.
pub(crate) fn memory_of(id: u32, word: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let text = field(&status, word).with_context(|| format!("no {word} of process {id}"))?;
    Ok(text.trim_end_matches(" kB").trim().parse()?)
}

fn field<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(word))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_what_stands_behind_its_colon() {
        assert_eq!(field("VmPeak:\t 1 kB\nVmRSS:\t   4660 kB\n", "VmRSS"), Some("4660 kB"));
        assert_eq!(field("VmPeak:\t 1 kB", "VmRSS"), None);
    }

    #[test]
    fn this_very_process_has_memory_and_a_load() -> Outcome {
        assert!(memory_of(std::process::id(), "VmHWM")? >= memory_of(std::process::id(), "VmRSS")?);
        assert!(load()? >= 0.0);
        assert!(description()?.contains("cores"));
        Ok(())
    }
}
