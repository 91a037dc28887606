//! Encryption keys on the command line: made, taken by a server, and told by fingerprints only.

use super::ended_with;
use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, SOON, ServerSetup, eventually};

#[tokio::test]
async fn a_generated_key_is_taken_by_a_server_that_tells_only_its_fingerprint() -> Outcome {
    let bare = ServerSetup::new().prepare().await?;
    let made = bare.command(&["keys", "generate", "--json"]).await?.succeeded()?;
    let made = made.json()?;
    let text = |name: &str| made[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    let (key, fingerprint) = (text("encryptionKey")?, text("fingerprint")?);

    let server = ServerSetup::new().env("PROGET_ENCRYPTION_KEY", &key).start().await?;
    server.command(&["keys", "status"]).await?.succeeded()?.says(&fingerprint)?.does_not_say(&key)?;
    server.command(&["config", "show"]).await?.succeeded()?.says("encryption-key")?.does_not_say(&key)?;
    eventually("the log tells the fingerprint", SOON, || async {
        ensure!(server.log().contains(&fingerprint), "it says:\n{}", server.log());
        Ok(())
    })
    .await?;
    ensure!(!server.log().contains(&key), "the log holds the key");
    Ok(())
}

#[tokio::test]
async fn a_key_can_be_sent_into_a_file_and_read_from_there() -> Outcome {
    let bare = ServerSetup::new().prepare().await?;
    let made = bare.command(&["keys", "generate"]).await?.succeeded()?;
    ensure!(made.stdout.trim_end().len() == 64, "more than a key on standard output:\n{}", made.stdout);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key");
    std::fs::write(&file, &made.stdout)?;
    let setup = ServerSetup::new().env("PROGET_ENCRYPTION_KEY_FILE", file.display().to_string());
    let told = setup.prepare().await?.command(&["keys", "status", "--local", "--json"]).await?.succeeded()?;
    let told = told.json()?;
    let fingerprint = told["encryptionKeys"][0].as_str().context("no key was found in the file")?;
    ensure!(made.stderr.contains(fingerprint), "another fingerprint was told at first:\n{}", made.stderr);
    Ok(())
}

#[tokio::test]
async fn a_machine_key_is_made_as_two_settings_that_a_server_takes() -> Outcome {
    let bare = ServerSetup::new().prepare().await?;
    let made = bare.command(&["keys", "generate", "--machine-key"]).await?.succeeded()?;
    let mut setup = ServerSetup::new();
    for line in made.stdout.lines() {
        let (name, value) = line.split_once('=').context("no setting")?;
        setup = setup.env(name, value);
    }
    let told = setup.prepare().await?.command(&["keys", "status", "--local", "--json"]).await?.succeeded()?;
    let told = told.json()?;
    let fingerprint = told["machineKey"].as_str().context("the machine key was not taken")?;
    ensure!(made.stderr.contains(fingerprint), "another fingerprint was told at first:\n{}", made.stderr);
    Ok(())
}

#[tokio::test]
async fn a_key_that_cannot_be_used_keeps_the_server_from_starting_and_is_not_repeated() -> Outcome {
    let short = "c0ffee".repeat(10);
    let server = ServerSetup::new().env("PROGET_ENCRYPTION_KEY", &short).prepare().await?;
    let answer = server.command(&["run"]).await?;
    ended_with(&answer, 2)?;
    answer.says("key 1 of 1 cannot be used: it has 60 characters")?.does_not_say("c0ffee")?;
    ensure!(!server.data().exists(), "something was made before the configuration was checked");
    Ok(())
}

#[tokio::test]
async fn a_server_that_runs_is_told_to_exchange_its_key_and_says_what_may_not_be_done_yet() -> Outcome {
    let bare = ServerSetup::new().prepare().await?;
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(bare.command(&["keys", "generate", "--json"]).await?.succeeded()?.json()?);
    }
    let text = |place: usize, name: &str| keys[place][name].as_str().context("no such member");
    let (old, new) = (text(0, "fingerprint")?, text(1, "fingerprint")?);
    let both = format!("{},{}", text(0, "encryptionKey")?, text(1, "encryptionKey")?);
    let server = ServerSetup::new().env("PROGET_ENCRYPTION_KEY", both).start().await?;
    let command = |words: &'static [&'static str], key: &str| {
        let words: Vec<String> =
            ["keys"].iter().chain(words).map(ToString::to_string).chain([key.to_owned()]).collect();
        let server = &server;
        async move { server.command(&words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    ended_with(&command(&["promote"], "new").await?, 2)?;
    command(&["retire"], old).await?.failed()?.says("seals; promote another one first")?;
    command(&["retire"], "0123456789abcdef").await?.failed()?.says("no server has a key 0123456789abcdef")?;
    command(&["rotate"], new).await?.succeeded()?.says("seals now")?;
    command(&["promote"], new).await?.failed()?.says("already seals")?;
    eventually("the job is done", SOON, || async {
        server.command(&["keys", "status"]).await?.succeeded()?.says("is done")?;
        Ok(())
    })
    .await?;
    command(&["retire"], old).await?.succeeded()?.says("is retired")?;
    let told = server.command(&["keys", "status"]).await?.succeeded()?;
    let line = told.stdout.lines().find(|line| line.starts_with(old)).context("the old key is not told")?;
    ensure!(line.contains("retired"), "{}", told.stdout);
    for place in 0..2 {
        let key = text(place, "encryptionKey")?;
        ensure!(!told.text().contains(key) && !server.log().contains(key), "a key was told");
    }
    Ok(())
}
