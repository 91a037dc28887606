//! On what it was measured, and what else the machine was doing.

use std::fs;
use std::time::Duration;

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

/// The time that processors have spent on these processes so far.
pub(crate) fn processor_time(ids: &[u32]) -> Outcome<Duration> {
    let mut ticks = 0;
    for id in ids {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        ticks += ticks_in(&stat).with_context(|| format!("/proc/{id}/stat cannot be read: {stat}"))?;
    }
    // Hundredths of a second: the kernel counts otherwise, but promises programs this unit.
    Ok(Duration::from_millis(ticks * 10))
}

/// The 14th and 15th field. The second, a name in parentheses, may contain spaces.
fn ticks_in(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// All processes, with the words of their command lines.
pub(crate) fn processes() -> Outcome<Vec<(u32, Vec<String>)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let id = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        // One that ends in this moment is none.
        if let (Some(id), Ok(line)) = (id, fs::read(path.join("cmdline"))) {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            all.push((id, line.split_whitespace().map(str::to_owned).collect()));
        }
    }
    Ok(all)
}

/// The processes that this one has started.
pub(crate) fn children_of(id: u32) -> Outcome<Vec<u32>> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    Ok(children.split_whitespace().filter_map(|child| child.parse().ok()).collect())
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
    fn ticks_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 10 0 0 0 25 17 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks_in(stat), Some(42));
        assert_eq!(ticks_in("nonsense"), None);
    }

    #[test]
    fn this_very_process_has_memory_and_a_load() -> Outcome {
        // The present before the greatest ever: it may grow in between.
        let now = memory_of(std::process::id(), "VmRSS")?;
        assert!(memory_of(std::process::id(), "VmHWM")? >= now);
        assert!(load()? >= 0.0);
        assert!(description()?.contains("cores"));
        Ok(())
    }
}
