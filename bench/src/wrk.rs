//! wrk: the load for requests that are all alike. Here: starting it and reading what it prints.
//!
//! It sends no `Accept-Encoding` and so gets every document as it is; a case that wants a packed
//! one says so in a header.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use proget_tests::Outcome;
use tokio::process::Command;

/// What is asked for, how often at once and with which headers.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The address.
    pub(crate) url: String,
    /// Names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// Paths to be asked for in turn instead of the one in `url`.
    pub(crate) paths: Vec<String>,
}

impl Request {
    /// A request without headers for one address.
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), paths: Vec::new() }
    }

    /// With a header more.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With these paths in turn.
    #[must_use]
    pub(crate) fn in_turn(mut self, paths: Vec<String>) -> Self {
        self.paths = paths;
        self
    }
}

/// What one run of wrk came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    /// Whole answers a second.
    pub(crate) requests: f64,
    /// Bytes a second, of answers not yet whole too.
    pub(crate) bytes: f64,
    /// Half of all answers took no longer.
    pub(crate) median: Duration,
    /// All but a hundredth of the answers took no longer.
    pub(crate) worst: Duration,
}

/// Two threads, as many as the machines have cores on which this was written; so wrk and the server
/// share the processors, as they do for everybody it is compared with.
const THREADS: usize = 2;

/// Asks for `request` over this many connections, which are kept, for this long.
///
/// An answer other than 200, or a broken connection, is an error and no measurement.
pub(crate) async fn run(request: &Request, connections: usize, length: Duration) -> Outcome<Run> {
    let mut command = Command::new("wrk");
    command.arg("--latency").arg(format!("-t{}", THREADS.min(connections))).arg(format!("-c{connections}"));
    command.arg(format!("-d{}s", length.as_secs().max(1))).args(["--timeout", "30s"]);
    for (name, value) in &request.headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    if !request.paths.is_empty() {
        std::fs::write(script.path(), turns(&request.paths))?;
        command.arg("-s").arg(script.path());
    }
    command.arg(&request.url).kill_on_drop(true);
    let output = command.output().await.context("starting wrk; bench/run.sh installs it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    read(&text).with_context(|| format!("asking for {}", request.url))
}

/// Each of wrk's threads begins at its own place and goes round.
fn turns(paths: &[String]) -> String {
    let list: Vec<_> = paths.iter().map(|path| format!("{path:?}")).collect();
    format!(
        "local paths = {{{}}}\nlocal at = math.random(#paths)\n\
         function request()\n  at = at % #paths + 1\n  return wrk.format(nil, paths[at])\nend\n",
        list.join(", ")
    )
}

/// Understands what wrk prints.
fn read(text: &str) -> Outcome<Run> {
    let after = |word: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(word))
            .map(str::trim)
            .with_context(|| format!("wrk did not print {word:?} but:\n{text}"))
    };
    if let Some(line) = text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        // A timeout at the end of a run is wrk's own; everything else spoils the measurement.
        if !line.contains("connect 0, read 0, write 0") {
            bail!("answers were not as they should be: {}", line.trim());
        }
    }
    Ok(Run {
        requests: after("Requests/sec:")?.parse()?,
        bytes: amount(
            after("Transfer/sec:")?,
            &[("GB", 1e9 * 1.073_741_824), ("MB", 1_048_576.0), ("KB", 1024.0), ("B", 1.0)],
        )?,
        median: time(after("50%")?)?,
        worst: time(after("99%")?)?,
    })
}

fn time(text: &str) -> Outcome<Duration> {
    Ok(Duration::from_secs_f64(amount(
        text,
        &[("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)],
    )?))
}

fn amount(text: &str, units: &[(&str, f64)]) -> Outcome<f64> {
    for (unit, factor) in units {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(
                number.parse::<f64>().with_context(|| format!("wrk's {text:?} is no amount"))? * factor
            );
        }
    }
    bail!("wrk's {text:?} has no known unit")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "Running 2s test @ http://127.0.0.1:12000/x
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   603.42us    1.38ms  30.47ms   95.45%
    Req/Sec    45.49k     4.33k   53.29k    75.00%
  Latency Distribution
     50%  311.00us
     75%  501.00us
     90%    1.02ms
     99%    5.75ms
  181087 requests in 2.00s, 766.35MB read
Requests/sec:  90485.86
Transfer/sec:    382.93MB
";

    #[test]
    fn what_wrk_prints_is_understood() -> Outcome {
        let run = read(PRINTED)?;
        assert_eq!(run.requests, 90485.86);
        assert_eq!(run.bytes, 382.93 * 1_048_576.0);
        assert_eq!((run.median, run.worst), (Duration::from_micros(311), Duration::from_micros(5750)));
        Ok(())
    }

    #[test]
    fn other_answers_than_the_expected_are_no_measurement() {
        let spoilt = PRINTED.replace("Requests/sec", "  Non-2xx or 3xx responses: 9\nRequests/sec");
        assert!(read(&spoilt).is_err());
        let broken = PRINTED
            .replace("Requests/sec", "  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec");
        assert!(read(&broken).is_err());
        let late = PRINTED
            .replace("Requests/sec", "  Socket errors: connect 0, read 0, write 0, timeout 1\nRequests/sec");
        assert!(read(&late).is_ok());
        assert!(read("unable to connect").is_err());
        assert!(time("12 parsecs").is_err());
    }
}
