//! nginx in front of a server, or beside it as the yardstick for static files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::find;
use crate::{Outcome, SOON, free_port};

/// An nginx with one `server` block, on a loopback port of its own.
#[derive(Debug)]
pub struct Nginx {
    process: Option<Process>,
    place: Arc<Place>,
    port: u16,
}

impl Nginx {
    /// Starts an nginx whose server block consists of `directives` (locations and the like) and
    /// waits until it accepts connections.
    ///
    /// ```text
    /// Nginx::start("location /deep/er/ { proxy_pass http://127.0.0.1:4711/; }")
    /// ```
    pub async fn start(directives: &str) -> Outcome<Self> {
        let port = free_port()?;
        Self::start_on(port, directives).await
    }

    /// The same on a port from [`free_port`], for a configuration that must know its own address.
    pub async fn start_on(port: u16, directives: &str) -> Outcome<Self> {
        let block = format!("server {{\n        listen 127.0.0.1:{port};\n        {directives}\n    }}");
        Self::start_whole(port, "", &block).await
    }

    /// An nginx with these directives outside of `http { }` and inside of it. One of them must listen
    /// on 127.0.0.1 at `port`.
    pub async fn start_whole(port: u16, outside: &str, inside: &str) -> Outcome<Self> {
        let place = Arc::new(Place::new("nginx", None)?);
        fs::write(place.path().join("nginx.conf"), configuration(&place, outside, inside)?)?;
        let mut server = Self { process: None, place, port };
        server.resume().await?;
        Ok(server)
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("nginx.log")).unwrap_or_default()
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the stopped or killed nginx again.
    pub async fn resume(&mut self) -> Outcome {
        ensure!(self.process.is_none(), "nginx already runs");
        let mut command = Command::new(find("nginx")?);
        command.arg("-p").arg(self.place.path()).arg("-c").arg(self.place.path().join("nginx.conf"));
        command.args(["-e", "stderr"]);
        let mut process = Process::start("nginx", command, None, &self.place, Signal::Terminate)?;
        let port = self.port;
        let connects = || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).context("connecting to nginx")
        };
        process.until_ready(SOON, connects).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it the orderly way.
    pub async fn stop(&mut self) -> Outcome {
        self.end(Signal::Terminate).await
    }

    /// Kills it, workers included, with SIGKILL.
    pub async fn kill(&mut self) -> Outcome {
        self.end(Signal::Kill).await
    }

    /// Stops and starts it.
    pub async fn restart(&mut self) -> Outcome {
        self.stop().await?;
        self.resume().await
    }

    async fn end(&mut self, signal: Signal) -> Outcome {
        let mut process = self.process.take().context("nginx does not run")?;
        process.end(signal, Duration::from_secs(10)).await?;
        Ok(())
    }
}

/// A whole configuration that touches nothing outside the place.
fn configuration(place: &Place, outside: &str, inside: &str) -> Outcome<String> {
    let folder = place.path().display();
    // Without it the workers of a root master become www-data and cannot read a test's files.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    // Debian has it as a module of its own, in a package of its own.
    let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    let load = if !outside.contains("stream {") {
        String::new()
    } else if module.exists() {
        format!("load_module {};", module.display())
    } else {
        bail!("nginx' module stream is not installed: run ./test.sh, which installs what the tests need")
    };
    Ok(format!(
        "{load}
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
{outside}
"
    ))
}
