//! Publishes a second: small packages, a new name each, at 1 and at 16 connections.

use std::sync::Arc;

use anyhow::ensure;
use proget_core::conformance::Dice;
use proget_tests::Outcome;

use crate::compare::{self, Pace, Unit, Who, Work};
use crate::door::Upload;
use crate::formats::Kind;
use crate::load::{self, Responder};
use crate::machine;
use crate::report::{Compared, Plain, Report, Table, Wanted};
use crate::scene::Scene;

/// Bytes of noise in each package.
const PAYLOAD: usize = 4096;

/// No server is faster than this here; whoever runs out of requests is measured all the same.
const FASTEST: usize = 2400;

/// Measures all whose name (`publish-npm-16`) contains `only`.
pub(crate) async fn measure(scene: &mut Scene, pace: Pace, only: &str, report: &mut Report) -> Outcome {
    for kind in [Kind::Npm, Kind::Pypi, Kind::Cargo] {
        for connections in [1, 16] {
            let name = format!("publish-{}-{connections}", kind.name());
            if !name.contains(only) {
                continue;
            }
            let feeds = scene.feeds(kind, &name).await?;
            let most = if connections == 1 { FASTEST / 4 } else { FASTEST };
            let many = most * usize::try_from(pace.length.as_secs())?;
            let mut uploads = Vec::new();
            for round in 0..pace.rounds {
                uploads.push(small_packages(
                    kind,
                    &format!("p{connections}x{round}"),
                    many,
                    &mut scene.dice,
                )?);
            }
            let uploads = Arc::new(uploads);
            let mut all = vec![
                scene.contender(
                    Who::Alone,
                    Work::Publish(feeds.alone.publish, Arc::clone(&uploads), connections),
                )?,
                scene.contender(
                    Who::Postgres,
                    Work::Publish(feeds.postgres.publish, Arc::clone(&uploads), connections),
                )?,
            ];
            let mut wanted = Vec::new();
            if let Some((peer, server)) = scene.peer(kind) {
                all.push(
                    scene.contender(
                        Who::Peer(peer),
                        Work::Publish(server.door.clone(), uploads, connections),
                    )?,
                );
                if kind == Kind::Npm && connections == 16 {
                    wanted.push(Wanted { ours: Who::Alone, against: Who::Peer(peer), times: 2.0 });
                    wanted.push(Wanted { ours: Who::Postgres, against: Who::Peer(peer), times: 2.0 });
                }
            }
            let all = compare::rounds(pace, Unit::Requests, &all).await?;
            let what = format!(
                "{}, {connections} connection{}",
                kind.name(),
                if connections > 1 { "s" } else { "" }
            );
            report.compare(Compared { table: Table::Publishing, what, all, wanted });
        }
    }
    Ok(())
}

/// What the load generator itself can do.
pub(crate) async fn measure_generator(pace: Pace, report: &mut Report) -> Outcome {
    let upload = Kind::Npm.upload("one", "1.0.0", PAYLOAD, &mut Dice::seeded(1))?;
    for connections in [1, 16] {
        let responder = Responder::start()?;
        let door = crate::door::Door::new(&format!("http://{}/", responder.address()), None)?;
        let request = door.request(&upload)?;
        let sending = move || {
            // The same bytes each time: a responder does not mind, and memory is saved.
            let requests = vec![request; 40_000];
            load::send(door.address()?, &requests, connections, pace.length)
        };
        let sent = tokio::task::spawn_blocking(sending).await??;
        ensure!(sent.accepted == responder.answered(), "the generator miscounts its answers");
        report.tell(Plain {
            what: format!(
                "the load generator against a server that does nothing, {connections} connection(s)"
            ),
            value: sent.rate(),
            unit: "/s",
            load: machine::load()?,
            at_most: None,
            remark: "so fast it could be at most".into(),
        });
    }
    Ok(())
}

fn small_packages(kind: Kind, prefix: &str, many: usize, dice: &mut Dice) -> Outcome<Vec<Upload>> {
    (0..many).map(|number| kind.upload(&format!("{prefix}n{number}"), "1.0.0", PAYLOAD, dice)).collect()
}
