//! The one place that decides whether a row holds: the answer, and that nothing was left or lost.

use crate::bytes;
use crate::row::{Dialect, Expected, Row, Traces};
use crate::stage::Stage;
use crate::wire::{DEADLINE, Received};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Tries every row; what does not hold is told with all that came back.
pub(crate) async fn try_all(stage: &Stage, rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        if let Err(why) = try_one(stage, row, DEADLINE).await {
            wrong.push(format!(
                "{} | {} | {} | {}\n    {why}",
                row.kind, row.topic, row.sent, row.request.line
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows do not hold:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Does this row hold? Things may take so long to be as they were.
pub(crate) async fn try_one(stage: &Stage, row: &Row, patience: Duration) -> Result<(), String> {
    let before = stage.picture(row.traces).await;
    let received = stage.send(&row.request).await;
    let answered =
        check(&row.expected, &received).map_err(|why| format!("{why}\n    received: {}", shown(&received)));
    // A level to be waited for: files are unlinked on another thread, and a client that left is
    // noticed after it has left.
    let unchanged = unchanged(stage, row.traces, &before, patience).await;
    answered.and(unchanged)?;
    let known = stage.send(&bytes::npm_known()).await;
    if known.status != Some(200) {
        return Err(format!("afterwards a package is no longer served: {}", shown(&known)));
    }
    Ok(())
}

async fn unchanged(stage: &Stage, traces: Traces, before: &str, patience: Duration) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let after = stage.picture(traces).await;
        if after == before {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            return Err(format!("something was left or lost:\n{}", difference(before, &after)));
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn difference(before: &str, after: &str) -> String {
    let missing = before.lines().filter(|line| !after.contains(line)).map(|line| format!("    - {line}"));
    let new = after.lines().filter(|line| !before.contains(line)).map(|line| format!("    + {line}"));
    missing.chain(new).collect::<Vec<_>>().join("\n")
}

fn check(expected: &Expected, received: &Received) -> Result<(), String> {
    let Expected::Answer { status, dialect, says } = expected else {
        return match received.status {
            None => Ok(()),
            Some(status) => Err(format!("was answered {status} and not with silence")),
        };
    };
    if received.status != Some(*status) {
        return Err(format!("expected {status}, '{says}'"));
    }
    let text = text_in(*dialect, received)?;
    if text.contains(says) && says.is_empty() == text.is_empty() {
        return Ok(());
    }
    Err(format!("expected '{says}' in '{text}'"))
}

/// What the client shows.
fn text_in(dialect: Dialect, received: &Received) -> Result<String, String> {
    let kind = received.header("content-type").unwrap_or_default().to_owned();
    let must_be = |wanted: &str| match kind.starts_with(wanted) {
        true => Ok(()),
        false => Err(format!("is '{kind}' and not '{wanted}'")),
    };
    let json = || {
        let json: serde_json::Value =
            serde_json::from_slice(&received.body).map_err(|error| error.to_string())?;
        Ok::<_, String>(json)
    };
    let member = |pointer: &str| {
        let json = json()?;
        let text = json.pointer(pointer).and_then(|text| text.as_str());
        text.map(str::to_owned).ok_or_else(|| format!("has no text at {pointer}"))
    };
    let whole = || String::from_utf8_lossy(&received.body).into_owned();
    match dialect {
        Dialect::Npm => must_be("application/json").and_then(|()| member("/error")),
        Dialect::Cargo => must_be("application/json").and_then(|()| member("/errors/0/detail")),
        Dialect::Problem => must_be("application/problem+json").and_then(|()| member("/detail")),
        Dialect::PyPi | Dialect::Plain => must_be("text/plain").map(|()| whole()),
        Dialect::Bare | Dialect::Document => Ok(whole()),
    }
}

fn shown(received: &Received) -> String {
    let body = String::from_utf8_lossy(&received.body);
    let body: String = body.chars().take(600).collect();
    format!("{} || {body}", received.head.replace("\r\n", " | "))
}
