//! Keys and passwords: what the command changes holds for the very next request, on every server.

use anyhow::{Context as _, ensure};
use proget_tests::server::{ADMIN_KEY, ADMIN_PASSWORD};
use proget_tests::{Answer, Database, MariaDb, Outcome, Package, Postgres, ProgetProcess, ServerSetup};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

/// How the server answers a request that brings this key.
async fn answer_to(server: &ProgetProcess, feed: &str, key: &str) -> Outcome<u16> {
    let url = format!("{}/npm/{feed}/widget", server.url());
    Ok(server.http().get(url).bearer_auth(key).send().await?.status().as_u16())
}

#[tokio::test]
async fn a_key_revoked_while_the_server_owns_its_database_is_refused_by_the_very_next_request() -> Outcome {
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    super::publish(&server, &feed, &Package::new("widget", "1.0.0")).await?;
    for round in 0..5 {
        let key = server.create_key(&["--feed", "internal", "--may", "view"]).await?;
        // Twice, so that everything is remembered that the server remembers.
        for _ in 0..2 {
            let status = answer_to(&server, "internal", &key.text).await?;
            ensure!(status == 200, "round {round}: the new key was answered {status}");
        }
        server.command(&["key", "revoke", &key.id.to_string()]).await?.succeeded()?.says("is revoked")?;
        let status = answer_to(&server, "internal", &key.text).await?;
        ensure!(status == 401, "round {round}: the revoked key was answered {status}");
    }
    Ok(())
}

/// Two servers on one database and one store; the command works with the settings of the first,
/// in a process of its own, and the requests go to the second.
async fn revoked_everywhere(database: Database) -> Outcome {
    let packages = tempfile::tempdir()?;
    let setup = || ServerSetup::new().database(&database).packages_in(packages.path());
    let (first, second) = (setup().start().await?, setup().start().await?);
    let feed = first.create_feed("npm", "internal").await?;
    super::publish(&second, &feed, &Package::new("widget", "1.0.0")).await?;
    for round in 0..5 {
        let key = first.create_key(&["--feed", "internal", "--may", "view"]).await?;
        for server in [&first, &second, &second] {
            let status = answer_to(server, "internal", &key.text).await?;
            ensure!(status == 200, "round {round}: the new key was answered {status}");
        }
        first.command(&["key", "revoke", &key.id.to_string()]).await?.succeeded()?;
        for server in [&second, &first] {
            let status = answer_to(server, "internal", &key.text).await?;
            ensure!(status == 401, "round {round}: the revoked key was answered {status}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_revoked_on_postgresql_is_refused_by_the_very_next_request_to_any_server() -> Outcome {
    revoked_everywhere(Postgres::fresh_database().await?).await
}

#[tokio::test]
async fn a_key_revoked_on_mariadb_is_refused_by_the_very_next_request_to_any_server() -> Outcome {
    revoked_everywhere(MariaDb::fresh_database().await?).await
}

/// How the server answers somebody who wants to know the keys, which is for administrators only.
async fn sign_in(server: &ProgetProcess, password: &str) -> Outcome<u16> {
    let request = server.http().get(format!("{}/api/api-keys/list", server.url()));
    Ok(request.basic_auth("Admin", Some(password)).send().await?.status().as_u16())
}

#[tokio::test]
async fn a_reset_password_replaces_the_old_one_at_once() -> Outcome {
    let server = ServerSetup::new().start().await?;
    ensure!(sign_in(&server, ADMIN_PASSWORD).await? == 200, "the configured password does not work");
    let answer = server.administer(&["admin", "reset-password"]).await?;
    let password = answer["password"].as_str().context("no password was told")?;
    ensure!(sign_in(&server, ADMIN_PASSWORD).await? == 401, "the old password still works");
    ensure!(sign_in(&server, password).await? == 200, "the new password does not work");
    let unknown = server.command(&["admin", "reset-password", "nobody"]).await?;
    super::ended_with(&unknown, 1)?;
    unknown.says("there is no user nobody")?;
    Ok(())
}

#[tokio::test]
async fn the_first_start_tells_a_password_once_and_it_works() -> Outcome {
    let mut server = ServerSetup::new().env("PROGET_ADMIN_PASSWORD", "").start().await?;
    let told = |log: &str| {
        let mut lines = log.lines().filter_map(|line| line.trim().strip_prefix("password"));
        lines.next().and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
    };
    let password = told(&server.log()).context("no password was told")?;
    ensure!(sign_in(&server, &password).await? == 200, "the password that was told does not work");
    server.restart().await?;
    ensure!(server.log().matches(&password).count() == 1, "the password was told a second time");
    ensure!(sign_in(&server, &password).await? == 200, "the password does not work after a restart");
    Ok(())
}

#[tokio::test]
async fn neither_the_log_nor_the_configuration_shows_a_secret() -> Outcome {
    let server = ServerSetup::new().env("PROGET_LOG", "trace").start().await?;
    server.create_feed("npm", "internal").await?;
    let key = server.create_key(&["--feed", "internal"]).await?;
    answer_to(&server, "internal", &key.text).await?;
    sign_in(&server, ADMIN_PASSWORD).await?;
    sign_in(&server, "a wrong password").await?;
    let url = format!("{}/api/api-keys/list?key={ADMIN_KEY}", server.url());
    ensure!(server.http().get(url).send().await?.status() == 200, "a key in the query does not work");
    let shown = server.command(&["config", "show"]).await?.succeeded()?.says("(set, not shown)")?;
    let log = server.log();
    ensure!(log.contains("DEBUG"), "the log is not as talkative as this test needs it");
    for secret in [ADMIN_KEY, ADMIN_PASSWORD, key.text.as_str(), "a wrong password"] {
        ensure!(!shown.text().contains(secret), "'config show' shows {secret}");
        let line = log.lines().find(|line| line.contains(secret));
        ensure!(line.is_none(), "the log shows {secret}: {}", line.unwrap_or_default());
    }
    Ok(())
}

/// `proget feed list` as the user nobody, who can read the program.
async fn as_nobody(server: &ProgetProcess, program: &std::path::Path) -> Outcome<Answer> {
    let given = server.command_line(&["feed", "list"]);
    let mut command = tokio::process::Command::new(program);
    command.args(given.as_std().get_args()).current_dir("/").env_clear().uid(65_534).gid(65_534);
    for (name, value) in given.as_std().get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    let output = command.stdin(Stdio::null()).output().await?;
    Ok(Answer {
        command: "proget feed list, as nobody".into(),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Needs root, like the rest of `./test.sh`: nobody else can become another user.
#[tokio::test]
async fn other_users_of_the_machine_give_no_orders() -> Outcome {
    let server = ServerSetup::new().start().await?;
    server.create_feed("npm", "internal").await?;
    let open_to_all = |path: &std::path::Path| std::fs::set_permissions(path, Permissions::from_mode(0o777));
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("proget");
    std::fs::copy(server.command_line(&[]).as_std().get_program(), &program)?;
    open_to_all(folder.path())?;
    open_to_all(&program)?;

    let answer = as_nobody(&server, &program).await?;
    ensure!(!answer.status.success(), "nobody was let in");
    answer.says("65534 may not use its socket")?.does_not_say("internal")?;
    // Even if somebody opens the directory and the socket: the kernel tells who is there.
    open_to_all(&server.data())?;
    open_to_all(&server.data().join("proget.sock"))?;
    let answer = as_nobody(&server, &program).await?;
    super::ended_with(&answer, 1)?;
    answer.says("only the server's own user and root may give orders")?.does_not_say("internal")?;
    Ok(())
}
