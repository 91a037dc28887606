//! Everything that can be wrong at start: one sentence on standard error, and an exit code that
//! tells the kinds apart. Never a panic, a backtrace or a password.

use super::ended_with;
use anyhow::{Context as _, ensure};
use proget_tests::{Database, Outcome, ServerSetup, free_port};
use sea_orm::ConnectionTrait as _;
use std::net::TcpListener;
use std::time::Instant;

/// Starts a server that must refuse, and returns its sentence.
async fn refusal(setup: ServerSetup, code: i32) -> Outcome<String> {
    let server = setup.prepare().await?;
    let answer = server.command(&["run"]).await?;
    ended_with(&answer, code)?;
    let said = answer.text();
    ensure!(!said.contains("panicked") && !said.contains("stack backtrace"), "no way to refuse:\n{said}");
    let sentence = answer.stderr.lines().find(|line| line.starts_with("proget: "));
    Ok(sentence.with_context(|| format!("no sentence in:\n{said}"))?.to_owned())
}

#[tokio::test]
async fn a_wrong_configuration_is_told_whole() -> Outcome {
    let setup = ServerSetup::new().env("PROGET_LISTN", "x").env("PROGET_LOG_FORMAT", "xml");
    let server = setup.prepare().await?;
    let answer = server.command(&["run", "--limit-body", "many"]).await?;
    ended_with(&answer, 2)?;
    answer
        .says("the configuration has 3 mistakes")?
        .says("did you mean PROGET_LISTEN?")?
        .says("log-format cannot be used (variable PROGET_LOG_FORMAT)")?
        .says("limit-body cannot be used (flag --limit-body)")?;
    ended_with(&server.command(&["fly"]).await?, 2)?;
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_ends_with_its_own_code() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let said = refusal(ServerSetup::new().env("PROGET_LISTEN", &address), 3).await?;
    ensure!(said.contains(&address) && said.contains("in use"), "unclear: {said}");
    Ok(())
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_is_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way")?;
    // Below a file, and where even root may not write.
    for place in [file.join("data"), "/proc/proget-data".into()] {
        let said = refusal(ServerSetup::new().data_in(&place), 3).await?;
        ensure!(said.contains(&place.display().to_string()), "{} is not named: {said}", place.display());
    }
    let said = refusal(ServerSetup::new().packages_in(&file), 3).await?;
    ensure!(
        said.contains(&file.display().to_string()) && said.contains("not a directory"),
        "unclear: {said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_away_is_named_without_its_password_and_soon() -> Outcome {
    for scheme in ["postgres", "mysql"] {
        let address = format!("{scheme}://ann:s3cret@127.0.0.1:{}/packages", free_port()?);
        let begun = Instant::now();
        let said = refusal(ServerSetup::new().env("PROGET_DATABASE_URL", address), 4).await?;
        ensure!(begun.elapsed().as_secs() < 30, "it took {:?}", begun.elapsed());
        ensure!(said.contains("127.0.0.1") && !said.contains("s3cret"), "unclear: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused() -> Outcome {
    let first = ServerSetup::new().start().await?;
    let said = refusal(ServerSetup::new().data_in(&first.data()), 4).await?;
    ensure!(said.contains("in use by another server"), "unclear: {said}");
    // And the first goes on.
    first.command(&["feed", "list"]).await?.succeeded()?;
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_too_new_says_which_build_is_needed() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    server.command(&["db", "status"]).await?.succeeded()?.says("up to date")?;
    server.stop().await?;
    let file = server.data().join("proget.db");
    let connection = Database { url: format!("sqlite://{}", file.display()) }.connect().await?;
    let step = "INSERT INTO schema_steps (number, name, oldest, build, started, finished) \
                VALUES (9999, 'from-the-future', 9999, '77.7.7', 1, 1)";
    connection.execute_unprepared(step).await?;
    connection.close().await?;
    let said = refusal(ServerSetup::new().data_in(&server.data()), 4).await?;
    ensure!(said.contains("77.7.7"), "unclear: {said}");
    let told = server.command(&["db", "status"]).await?;
    ended_with(&told, 4)?;
    told.says("77.7.7")?;
    Ok(())
}

#[tokio::test]
async fn certificate_files_that_cannot_be_used_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("missing.pem"));
    std::fs::write(&certificate, "nothing of the kind")?;
    let setup = ServerSetup::new()
        .env("PROGET_TLS_CERT", certificate.display().to_string())
        .env("PROGET_TLS_KEY", key.display().to_string());
    let server = setup.prepare().await?;
    let answer = server.command(&["run"]).await?;
    ended_with(&answer, 3)?;
    answer.says("cert.pem")?.does_not_say("panicked")?;
    Ok(())
}

#[tokio::test]
async fn a_command_where_no_server_ever_ran_makes_no_database() -> Outcome {
    let server = ServerSetup::new().prepare().await?;
    let answer = server.command(&["feed", "list"]).await?;
    ended_with(&answer, 4)?;
    answer.says("there is no database")?;
    ensure!(!server.data().exists(), "{} was made", server.data().display());
    Ok(())
}
