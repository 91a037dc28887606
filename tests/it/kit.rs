//! The test kit itself: a kit that leaves processes behind, or that calls a dead server alive,
//! makes every other test here worthless.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use proget_tests::{
    Cargo, Crate, Database, MariaDb, Nginx, Npm, Outcome, Package, Pip, Pnpm, Postgres, PythonPackage,
    Registry, SOON, Twine, Uv, Yarn, eventually, free_port,
};
use sea_orm::{ConnectionTrait as _, Statement};

/// The processes whose command line mentions `words`.
fn processes_that_mention(words: &str) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(words) {
            found.push(command);
        }
    }
    Ok(found)
}

fn port_of(url: &str) -> Outcome<u16> {
    url::Url::parse(url)?.port().context("the address has no port")
}

async fn write_and_count(database: &Database) -> Outcome<i64> {
    let connection = database.connect().await?;
    connection.execute_unprepared("CREATE TABLE IF NOT EXISTS kept (id INT)").await?;
    connection.execute_unprepared("INSERT INTO kept VALUES (1)").await?;
    let count = Statement::from_string(connection.get_database_backend(), "SELECT COUNT(*) AS n FROM kept");
    let row = connection.query_one_raw(count).await?.context("COUNT gave no row")?;
    connection.close().await?;
    Ok(row.try_get("", "n")?)
}

#[tokio::test]
async fn tests_share_a_database_server_but_no_database() -> Outcome {
    for (first, second) in [
        (Postgres::fresh_database().await?, Postgres::fresh_database().await?),
        (MariaDb::fresh_database().await?, MariaDb::fresh_database().await?),
    ] {
        ensure!(port_of(&first.url)? == port_of(&second.url)?, "two servers where one would do");
        ensure!(write_and_count(&first).await? == 1, "the first database was not empty");
        ensure!(write_and_count(&second).await? == 1, "the second database was not empty");
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_what_it_had_committed() -> Outcome {
    let mut server = Postgres::start().await?;
    let database = server.database().await?;
    // Held open over the kill: the session of a client is what delays a restart.
    let held = database.connect().await?;
    ensure!(write_and_count(&database).await? == 1, "the database was not empty");
    server.kill().await?;
    ensure!(held.execute_unprepared("SELECT 1").await.is_err(), "a killed server still answers");
    server.resume().await?;
    ensure!(write_and_count(&database).await? == 2, "a committed row was lost");
    server.restart().await?;
    ensure!(write_and_count(&database).await? == 3, "a committed row was lost");
    let port = port_of(server.url())?.to_string();
    ensure!(
        !processes_that_mention(&format!("-p {port} ")).unwrap_or_default().is_empty(),
        "it does not run"
    );
    drop(server);
    eventually("no process of the server is left", SOON, || async {
        let left = processes_that_mention(&format!("-p {port} "))?;
        ensure!(left.is_empty(), "still there: {left:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_killed_mariadb_comes_back_with_what_it_had_committed() -> Outcome {
    let mut server = MariaDb::start().await?;
    let database = server.database().await?;
    ensure!(write_and_count(&database).await? == 1, "the database was not empty");
    server.kill().await?;
    ensure!(database.connect().await.is_err(), "a killed server still answers");
    server.resume().await?;
    ensure!(write_and_count(&database).await? == 2, "a committed row was lost");
    server.restart().await?;
    ensure!(write_and_count(&database).await? == 3, "a committed row was lost");
    let port = format!("--port={}", port_of(server.url())?);
    ensure!(processes_that_mention(&port)?.len() == 1, "expected one mariadbd");
    drop(server);
    ensure!(processes_that_mention(&port)?.is_empty(), "mariadbd is left behind");
    Ok(())
}

#[tokio::test]
async fn nginx_serves_what_it_was_told_and_takes_its_workers_along() -> Outcome {
    let mut server = Nginx::start("location = /greeting { return 200 'hello'; }").await?;
    let greeting = format!("{}/greeting", server.url());
    let ask = || async { Ok(reqwest::get(&greeting).await?.text().await?) };
    ensure!(ask().await? == "hello");
    server.restart().await?;
    ensure!(ask().await? == "hello");
    server.kill().await?;
    let answer: Outcome<String> = ask().await;
    ensure!(answer.is_err(), "a worker survived its master: {answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_service_that_cannot_start_says_why() -> Outcome {
    let error = Nginx::start("no_such_directive;").await.err().context("nginx accepted nonsense")?;
    let words = format!("{error:#}");
    ensure!(words.contains("no_such_directive"), "the log is missing in: {words}");
    Ok(())
}

/// A killed test program cannot drop anything; the reaper must. The program is a shell that
/// becomes `with-services`' child: when `with-services` is killed, both databases must vanish.
#[tokio::test]
async fn a_killed_test_program_leaves_no_service_and_no_directory_behind() -> Outcome {
    let scratch = tempfile::tempdir()?;
    std::fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let told = scratch.path().join("told");
    let tell = "printf '%s\\n%s\\n' \"$PROGET_TEST_POSTGRES\" \"$PROGET_TEST_MARIADB\" > \"$0.new\"; mv \"$0.new\" \"$0\"; \
                read -r forever";
    let mut program = Command::new(env!("CARGO_BIN_EXE_with-services"))
        .args(["sh", "-c", tell])
        .arg(&told)
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::piped())
        .spawn()?;
    let addresses = eventually("both databases run", SOON * 2, || {
        let told = std::fs::read_to_string(&told);
        async move { Ok(told?) }
    })
    .await?;
    let ports = addresses.lines().map(port_of).collect::<Outcome<Vec<u16>>>()?;
    ensure!(ports.len() == 2, "expected two addresses, got {addresses:?}");
    for port in &ports {
        std::net::TcpStream::connect(("127.0.0.1", *port))?;
    }
    program.kill()?;
    program.wait()?;
    eventually("the databases and their directories are gone", SOON, || async {
        for port in &ports {
            ensure!(std::net::TcpStream::connect(("127.0.0.1", *port)).is_err(), "port {port} still answers");
        }
        let left = directories_in(scratch.path())?;
        ensure!(left.is_empty(), "still there: {left:?}");
        Ok(())
    })
    .await
}

fn directories_in(folder: &Path) -> Outcome<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten();
    Ok(entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

#[tokio::test]
async fn eventually_gives_the_last_reason_when_the_deadline_passes() -> Outcome {
    let limit = Duration::from_millis(100);
    let result: Outcome = eventually("pigs fly", limit, || async { Err(anyhow!("no wings")) }).await;
    let words = format!("{:#}", result.err().context("pigs flew")?);
    ensure!(words.contains("pigs fly") && words.contains("no wings"), "unclear: {words}");
    let result: Outcome = eventually("a hanging probe is cut", limit, std::future::pending).await;
    ensure!(result.is_err());
    Ok(())
}

#[tokio::test]
async fn each_client_starts_in_a_home_of_its_own_and_reports_failure() -> Outcome {
    // Nobody listens there: an installation must fail, quickly and by the client's own decision.
    let registry = Registry { url: format!("http://127.0.0.1:{}/npm/none/", free_port()?), credential: None };
    let (npm, yarn, pnpm) = (Npm::new(&registry)?, Yarn::new(&registry)?, Pnpm::new(&registry)?);
    let folder = npm.folder("asked")?;
    let settings = npm.run(&folder, &["config", "get", "registry", "audit", "fund"]).await?.succeeded()?;
    settings.says(&registry.url)?.says("audit=true")?.says("fund=true")?;
    let folder = yarn.folder("asked")?;
    yarn.run(&folder, &["config", "get", "registry"]).await?.succeeded()?.says(&registry.url)?;
    yarn.run(&folder, &["--version"]).await?.succeeded()?.says("1.22.22")?;
    let folder = pnpm.folder("asked")?;
    pnpm.run(&folder, &["config", "get", "registry"]).await?.succeeded()?.says(&registry.url)?;
    Package::new("lonely", "1.0.0").write_to(&folder)?;
    pnpm.run(&folder, &["view", "lonely", "--fetch-retries=0"]).await?.failed()?;
    Ok(())
}

#[test]
fn a_package_is_the_same_bytes_each_time_and_its_document_describes_them() -> Outcome {
    let package =
        Package::new("@acme/widget", "1.2.0").file("lib/index.js", "1").depends_on("left", "^1.0.0");
    ensure!(package.tarball()? == package.tarball()?, "two tarballs of one package differ");
    let document = package.publish_document("http://127.0.0.1:1/npm/x/")?;
    let version = &document["versions"]["1.2.0"];
    ensure!(version["dist"]["tarball"] == "http://127.0.0.1:1/npm/x/@acme/widget/-/widget-1.2.0.tgz");
    ensure!(version["dependencies"]["left"] == "^1.0.0");
    ensure!(document["_attachments"]["@acme/widget-1.2.0.tgz"]["length"] == package.tarball()?.len());
    ensure!(package.folder_name() == "_acme_widget-1.2.0");
    Ok(())
}

#[tokio::test]
async fn each_client_of_python_and_cargo_knows_nothing_but_its_feed() -> Outcome {
    let feed = Registry { url: format!("http://127.0.0.1:{}/x/none/", free_port()?), credential: None };
    let pip = Pip::new(&feed.with_token("key"))?;
    let settings = pip.ask(&["config", "list"]).await?.succeeded()?;
    let index = format!("global.index-url='{}simple/'", feed.url.replace("//", "//api:key@"));
    // Nothing of the machine's own settings came along.
    settings.says(&index)?.does_not_say("find-links")?;
    let wheel = PythonPackage::new("lonely", "1.0").wheel()?;
    // Nobody listens there: each must fail by its own decision, and none may ask anybody else.
    Twine::new(&feed.with_token("key"))?.upload(&[&wheel]).await?.failed()?.says("Connection refused")?;
    let uv = Uv::new(&feed)?;
    uv.run(&uv.project("app")?, &["add", "requests"]).await?.failed()?.says(&feed.url)?;
    let cargo = Cargo::new(&feed)?;
    let wanted = Crate::new("app", "0.0.0").table("[dependencies]\nserde = \"1\"");
    let folder = cargo.project(&wanted)?;
    cargo.run(&folder, &["build", "--config", "net.retry=0"]).await?.failed()?.says("failed to")?;
    Ok(())
}

#[test]
fn wheels_source_distributions_and_crates_are_the_same_bytes_each_time() -> Outcome {
    let package = PythonPackage::new("My.Tool-x", "1.0").module("my_tool_x", "WORDS = 1").requires("left");
    let (wheel, source) = (package.wheel()?, package.sdist()?);
    ensure!(wheel.bytes == package.wheel()?.bytes && source.bytes == package.sdist()?.bytes);
    ensure!(wheel.name == "my_tool_x-1.0-py3-none-any.whl" && source.name == "my_tool_x-1.0.tar.gz");
    let body = String::from_utf8_lossy(&wheel.body()).into_owned();
    ensure!(body.contains("name=\"requires_dist\"\r\n\r\nleft\r\n"), "the form says:\n{body}");
    let left = Crate::new("left", "1.0.0").source("pub fn words() {}");
    ensure!(left.archive()? == left.archive()?);
    let (body, archive) = (left.publish_body()?, left.archive()?);
    let length = u32::from_le_bytes(body[..4].try_into()?) as usize;
    let document: serde_json::Value = serde_json::from_slice(&body[4..4 + length])?;
    ensure!(document["name"] == "left" && document["vers"] == "1.0.0");
    ensure!(body[4 + length..][..4] == u32::try_from(archive.len())?.to_le_bytes());
    ensure!(body[8 + length..] == archive);
    Ok(())
}
