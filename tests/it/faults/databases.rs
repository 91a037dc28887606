//! Database servers that stop, die or stand still while packages are on their way in.

use anyhow::ensure;
use futures::future::try_join_all;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{MariaDb, Outcome, Postgres, SOON, ServerSetup, eventually};

use super::table::{FROZEN, Fault, KILLED, STOPPED};
use super::uploads::{Upload, widgets};
use super::world::World;

/// More than is buffered before it is staged, in each half.
const LARGE: usize = 2 << 20;

/// Begins all uploads, does harm when each of them is in the middle, and finishes them.
async fn interrupted<F: Future<Output = Outcome>>(
    world: &World,
    uploads: &[Upload],
    fault: &Fault,
    harm: impl FnOnce() -> F,
) -> Outcome {
    let halves = try_join_all(uploads.iter().map(|upload| upload.begin(&world.server))).await?;
    eventually("every upload is in the middle", SOON, || async {
        let staged = world.staged()?;
        ensure!(staged == uploads.len(), "{staged} are staged");
        Ok(())
    })
    .await?;
    harm().await?;
    let answers = try_join_all(halves.into_iter().map(super::uploads::Half::finish)).await?;
    World::are(&answers, fault)?;
    // Nobody is told that something is not there while nobody can know.
    let get = world.server.http().get(format!("{}/npm/js/absent", world.server.url()));
    let status = get.bearer_auth(ADMIN_KEY).send().await?.status();
    ensure!(status == 503, "what is not there is answered {status} without the database");
    Ok(())
}

/// The database is back: all is as it was, and everything works.
async fn afterwards(world: &World, before: &str, uploads: &[Upload], fault: &Fault) -> Outcome {
    eventually("the server is ready again", SOON, || async {
        let status =
            world.server.http().get(format!("{}/health/ready", world.server.url())).send().await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await?;
    world.is_as_before(before).await?;
    world.has_reserved(fault).await?;
    world.recovers(uploads).await
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stopped_or_killed_in_the_middle_of_uploads_costs_a_503_and_nothing_else() -> Outcome {
    let mut database = Postgres::start().await?;
    let setup = ServerSetup::new().database(&database.database().await?);
    let world = World::begin(setup, |server| Ok(server.data().join("packages"))).await?;
    let before = world.kept().await?;
    let uploads = widgets("2.0.0", LARGE)?;
    interrupted(&world, &uploads, &STOPPED, || database.stop()).await?;
    database.resume().await?;
    afterwards(&world, &before, &uploads, &STOPPED).await?;
    let before = world.kept().await?;
    let uploads = widgets("3.0.0", LARGE)?;
    interrupted(&world, &uploads, &KILLED, || database.kill()).await?;
    database.resume().await?;
    afterwards(&world, &before, &uploads, &KILLED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_stopped_or_killed_in_the_middle_of_uploads_costs_a_503_and_nothing_else() -> Outcome {
    let mut database = MariaDb::start().await?;
    let setup = ServerSetup::new().database(&database.database().await?);
    let world = World::begin(setup, |server| Ok(server.data().join("packages"))).await?;
    let before = world.kept().await?;
    let uploads = widgets("2.0.0", LARGE)?;
    interrupted(&world, &uploads, &STOPPED, || database.stop()).await?;
    database.resume().await?;
    afterwards(&world, &before, &uploads, &STOPPED).await?;
    let before = world.kept().await?;
    let uploads = widgets("3.0.0", LARGE)?;
    interrupted(&world, &uploads, &KILLED, || database.kill()).await?;
    database.resume().await?;
    afterwards(&world, &before, &uploads, &KILLED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_frozen_in_the_middle_of_uploads_costs_a_503_and_nothing_else() -> Outcome {
    let mut database = Postgres::start().await?;
    let setup = ServerSetup::new().database(&database.database().await?);
    let world = World::begin(setup, |server| Ok(server.data().join("packages"))).await?;
    let before = world.kept().await?;
    let uploads = widgets("2.0.0", LARGE)?;
    interrupted(&world, &uploads, &FROZEN, || async { database.freeze() }).await?;
    database.thaw()?;
    afterwards(&world, &before, &uploads, &FROZEN).await
}
