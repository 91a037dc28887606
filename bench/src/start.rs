//! The time from the start of the process to its first good answer.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use proget_tests::{Outcome, ProgetProcess, ServerSetup};

use crate::compare::median;
use crate::machine;
use crate::report::{Plain, Report};

/// Starts in an empty directory and starts in one that is there.
pub(crate) async fn measure(starts: usize, report: &mut Report) -> Outcome {
    let (mut fresh, mut existing, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..starts {
        let mut server = ServerSetup::new().prepare().await?;
        fresh.push(until_ready(&mut server).await?);
        server.stop().await?;
        existing.push(until_ready(&mut server).await?);
        loads.push(machine::load()?);
        server.stop().await?;
    }
    for (what, times) in
        [("cold start, nothing there yet", fresh), ("cold start, existing directory", existing)]
    {
        report.tell(Plain {
            what: what.into(),
            value: median(times.iter().copied()),
            unit: "ms",
            load: median(loads.iter().copied()),
            at_most: Some(300.0),
            remark: format!("to the first 200 on /health/ready; median of {starts}, SQLite"),
        });
    }
    Ok(())
}

/// Milliseconds from the start of the process to its first good answer, asked every millisecond.
async fn until_ready(server: &mut ProgetProcess) -> Outcome<f64> {
    let url = server.url();
    let address: SocketAddr = url.trim_start_matches("http://").parse().context("no address")?;
    let started = Instant::now();
    server.resume_without_waiting()?;
    let asking = move || loop {
        if is_ready(address).unwrap_or(false) {
            return Ok(started.elapsed().as_secs_f64() * 1000.0);
        }
        if started.elapsed() > Duration::from_secs(60) {
            bail!("the server was not ready after a minute");
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    tokio::task::spawn_blocking(asking).await?
}

fn is_ready(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 200")
}
