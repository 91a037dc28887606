//! The same clients through nginx, under a path: with the public address written down
//! (`PROGET_PUBLIC_URL`), and with the address learnt from the headers of a trusted proxy.
//!
//! Clients follow the tarball addresses in packuments literally. So a wrong address is a failed
//! installation, and one that bypasses the proxy would succeed: the lock files show that it does not.

use std::fs;

use anyhow::ensure;
use proget_tests::{
    Cargo, Nginx, Npm, Outcome, Pip, Pnpm, ProgetProcess, Registry, ServerSetup, Uv, Yarn, free_port,
};

use super::{cargo, hears, lock_of, pypi, speaking};

/// A server, an nginx in front of it, and the feed at nginx' address.
struct Proxied {
    server: ProgetProcess,
    _nginx: Nginx,
    feed: Registry,
}

/// nginx takes `/deep/er/` away, and the server is told what its public address is.
pub(super) async fn under_a_path() -> Outcome<(ProgetProcess, Nginx)> {
    let port = free_port()?;
    let address = format!("http://127.0.0.1:{port}/deep/er");
    let server = ServerSetup::new().env("PROGET_PUBLIC_URL", &address).start().await?;
    let nginx = Nginx::start_on(port, &location("/deep/er/", &server, "")).await?;
    Ok((server, nginx))
}

async fn told() -> Outcome<Proxied> {
    let (server, nginx) = under_a_path().await?;
    let address = format!("{}/deep/er/npm/internal/", nginx.url());
    let feed = server.create_feed("npm", "internal").await?.at(address);
    Ok(Proxied { server, _nginx: nginx, feed })
}

/// nginx takes `/packages/` away and says so in headers, which the server believes.
async fn believed() -> Outcome<Proxied> {
    let server = ServerSetup::new().env("PROGET_TRUSTED_PROXIES", "127.0.0.0/8").start().await?;
    let headers = "proxy_set_header X-Forwarded-Proto $scheme;
                   proxy_set_header X-Forwarded-Host $http_host;
                   proxy_set_header X-Forwarded-For $remote_addr;
                   proxy_set_header X-Forwarded-Prefix /packages;";
    let nginx = Nginx::start(&location("/packages/", &server, headers)).await?;
    let feed = server.create_feed("npm", "internal").await?;
    let feed = feed.at(format!("{}/packages/npm/internal/", nginx.url()));
    Ok(Proxied { server, _nginx: nginx, feed })
}

fn location(path: &str, server: &ProgetProcess, more: &str) -> String {
    // `proxy_pass` without a path would be taken literally; with `$request_uri` the path keeps
    // its escapes (npm writes a scope's slash as %2f), which nginx otherwise decodes.
    format!(
        "location {path} {{
            proxy_http_version 1.1;
            proxy_request_buffering off;
            rewrite ^ $request_uri;
            rewrite ^{path}(.*) /$1 break;
            return 400;
            proxy_pass {}$uri;
            {more}
        }}",
        server.url()
    )
}

async fn the_ring_passes(proxied: &Proxied) -> Outcome {
    let feed = &proxied.feed;
    let npm = Npm::new(feed)?;
    npm.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?.says("+ left@1.0.0")?;
    let tool = speaking("@acme/tool", "1.0.0", "tool").depends_on("left", "^1.0.0");
    npm.publish(&tool).await?.succeeded()?.says("+ @acme/tool@1.0.0")?;
    npm.ask(&["dist-tag", "add", "@acme/tool@1.0.0", "stable"]).await?.succeeded()?;
    npm.ask(&["dist-tag", "ls", "@acme/tool"]).await?.succeeded()?.says("stable: 1.0.0")?;
    let installed = npm.try_install("app", &["@acme/tool@stable"]).await?.succeeded()?;
    installed.says("added 2 packages")?.says("found 0 vulnerabilities")?;
    let app = npm.folder("app")?;
    hears(&app, "@acme/tool", "tool")?;
    hears(&app, "left", "left")?;
    let seen = npm.ask(&["view", "@acme/tool", "--json"]).await?.succeeded()?.json()?;
    ensure!(
        seen["dist"]["tarball"] == format!("{}@acme/tool/-/tool-1.0.0.tgz", feed.url),
        "npm view saw {seen:#}"
    );
    let locked = lock_of(&app)?.to_string();
    ensure!(locked.contains(&feed.url) && !locked.contains(&proxied.server.url()), "locked: {locked}");
    npm.ask(&["deprecate", "@acme/tool@1.0.0", "old"]).await?.succeeded()?;
    npm.ask(&["search", "tool"]).await?.succeeded()?.says("@acme/tool")?;
    npm.ask(&["whoami"]).await?.succeeded()?;
    npm.ask(&["unpublish", "@acme/tool@1.0.0", "--force"]).await?.succeeded()?;

    let yarn = Yarn::new(feed)?;
    yarn.publish(&speaking("@acme/yarn", "1.0.0", "yarn")).await?.succeeded()?;
    let app = yarn.add("app", &["@acme/yarn", "left"]).await?;
    hears(&app, "@acme/yarn", "yarn")?;
    let lock = fs::read_to_string(app.join("yarn.lock"))?;
    ensure!(lock.contains(&feed.url) && !lock.contains(&proxied.server.url()), "the lock file says:\n{lock}");
    let pnpm = Pnpm::new(feed)?;
    pnpm.publish(&speaking("@acme/pnpm", "1.0.0", "pnpm")).await?.succeeded()?;
    hears(&pnpm.add("app", &["@acme/pnpm", "left"]).await?, "@acme/pnpm", "pnpm")
}

#[tokio::test]
async fn under_a_path_that_the_server_was_told() -> Outcome {
    the_ring_passes(&told().await?).await
}

#[tokio::test]
async fn under_a_path_that_a_trusted_proxy_says() -> Outcome {
    the_ring_passes(&believed().await?).await
}

#[tokio::test]
async fn python_and_cargo_under_a_path_that_a_trusted_proxy_says() -> Outcome {
    let proxied = believed().await?;
    let prefix = proxied.feed.url.trim_end_matches("npm/internal/").to_owned();
    let of = async |kind: &str| {
        let name = format!("more-{kind}");
        let feed = proxied.server.create_feed(kind, &name).await?;
        Ok::<_, anyhow::Error>(feed.at(format!("{prefix}{kind}/{name}/")))
    };
    let avoided = proxied.server.url();

    let feed = of("pypi").await?;
    pypi::upload(&feed, &[&pypi::speaking("widget", "1.0", "widget")]).await?;
    pypi::hears(&Pip::new(&feed)?.install("app", &["widget"]).await?, "widget", "widget").await?;
    let uv = Uv::new(&feed)?;
    let app = uv.project("app")?;
    uv.run(&app, &["add", "widget"]).await?.succeeded()?;
    let lock = fs::read_to_string(app.join("uv.lock"))?;
    ensure!(lock.contains(&feed.url) && !lock.contains(&avoided), "the lock file says:\n{lock}");

    let feed = of("cargo").await?;
    let client = Cargo::new(&feed)?;
    client.publish(&cargo::speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let wanted = "left = { version = \"1\", registry = \"local\" }";
    cargo::hears(&client, &cargo::program("app", wanted, "left::words()"), "left").await?;
    client.ask(&["search", "--registry", "local", "left"]).await?.succeeded()?.says("left = ")?;
    let http = proxied.server.http();
    let config = http.get(format!("{}config.json", feed.url)).bearer_auth(proget_tests::server::ADMIN_KEY);
    let config = config.send().await?.error_for_status()?.text().await?;
    ensure!(config.contains(&prefix) && !config.contains(&avoided), "the configuration says {config}");
    Ok(())
}

#[tokio::test]
async fn headers_of_a_proxy_that_is_not_trusted_are_not_believed() -> Outcome {
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    Npm::new(&feed)?.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    let forged = server
        .http()
        .get(format!("{}widget", feed.url))
        .bearer_auth(proget_tests::server::ADMIN_KEY)
        .header("X-Forwarded-Host", "evil.invalid")
        .header("X-Forwarded-Prefix", "/evil");
    let text = forged.send().await?.error_for_status()?.text().await?;
    ensure!(text.contains(&feed.url) && !text.contains("evil"), "the packument says {text}");
    Ok(())
}
