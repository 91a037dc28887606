//! The whole server over a bucket, with a real package manager.

use anyhow::ensure;
use proget_core::conformance::Dice;
use proget_core::digest::Sha256;
use proget_tests::{Cloud, CloudServer, Npm, Outcome, Package, Postgres, ServerSetup};

use super::on_every_cloud;

on_every_cloud!(packages_are_published_and_installed_over_a_bucket);

async fn packages_are_published_and_installed_over_a_bucket(cloud: Cloud) -> Outcome {
    let cloud = CloudServer::start(cloud).await?;
    let bucket = cloud.bucket().await?;
    let database = Postgres::fresh_database().await?;
    let mut setup = ServerSetup::new().database(&database).env("PROGET_STORAGE_ROOT", &bucket.address);
    for (name, value) in &bucket.variables {
        setup = setup.env(name, value);
    }
    // Two servers that share nothing but the database and the bucket.
    let (first, second) = tokio::try_join!(setup.clone().start(), setup.start())?;
    first.create_feed("npm", "internal").await?;
    let mut dice = Dice::seeded(1);
    let noise: Vec<u8> = (0..10 << 20).map(|_| dice.roll() as u8).collect();
    let packages =
        [Package::new("small", "1.0.0"), Package::new("large", "1.0.0").file("noise.bin", noise.clone())];
    let (here, there) =
        (Npm::new(&first.feed("npm", "internal"))?, Npm::new(&second.feed("npm", "internal"))?);
    for package in &packages {
        here.publish(package).await?.succeeded()?;
    }
    let project = there.install("project", &["small", "large"]).await?;
    let installed = std::fs::read(project.join("node_modules/large/noise.bin"))?;
    ensure!(Sha256::of(&installed) == Sha256::of(&noise), "other bytes were installed");
    Ok(())
}
