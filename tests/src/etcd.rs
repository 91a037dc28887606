//! etcd of our own, from the distribution's package: one member or several, each a process to be killed,
//! frozen and started again, with TLS or without.
//!
//! Timings and writing to disk stay as etcd has them: leases of two seconds are the shortest that it
//! grants then, and members that lose their leader have another one or two seconds later.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::find;
use crate::{Outcome, SOON, eventually, free_port};

/// Files that make etcd speak TLS.
#[derive(Clone, Debug)]
pub struct EtcdTls {
    /// What its certificate is signed by, for those who call it.
    pub ca: PathBuf,
    /// Its certificate, for 127.0.0.1.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// Whether it lets in only those who show a certificate of that authority's.
    pub mutual: bool,
}

/// Members of one etcd. Dropped, all of them are ended.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    tls: Option<EtcdTls>,
}

#[derive(Debug)]
struct Member {
    process: Option<Process>,
    place: Arc<Place>,
    client: u16,
    peer: u16,
}

impl Etcd {
    /// Starts so many members and waits until they have a leader.
    pub async fn start(members: usize) -> Outcome<Self> {
        Self::begin(members, None).await
    }

    /// One member that speaks nothing but TLS to those who call it.
    pub async fn start_with_tls(tls: EtcdTls) -> Outcome<Self> {
        Self::begin(1, Some(tls)).await
    }

    async fn begin(members: usize, tls: Option<EtcdTls>) -> Outcome<Self> {
        let member = |_| {
            let place = Arc::new(Place::new("etcd", None)?);
            Ok(Member { process: None, place, client: free_port()?, peer: free_port()? })
        };
        let members = (0..members).map(member).collect::<Outcome<Vec<_>>>()?;
        let mut etcd = Self { members, tls };
        for number in 0..etcd.members.len() {
            etcd.launch(number)?;
        }
        for number in 0..etcd.members.len() {
            etcd.until_ready(number).await?;
        }
        Ok(etcd)
    }

    /// `etcd://127.0.0.1:…,127.0.0.1:…`, without a folder.
    pub fn url(&self) -> String {
        self.url_with("")
    }

    /// The same with user and password, as `user:password@`.
    pub fn url_with(&self, user: &str) -> String {
        let scheme = if self.tls.is_some() { "etcds" } else { "etcd" };
        let hosts: Vec<String> =
            self.members.iter().map(|member| format!("127.0.0.1:{}", member.client)).collect();
        format!("{scheme}://{user}{}", hosts.join(","))
    }

    /// Kills a member with SIGKILL.
    pub async fn kill(&mut self, number: usize) -> Outcome {
        let mut process = self.members[number].process.take().context("the member does not run")?;
        process.end(Signal::Kill, SOON).await.map(drop)
    }

    /// Starts a killed member again, with its data, and waits until it follows or leads; with less than half of
    /// the members there it never does.
    pub async fn resume(&mut self, number: usize) -> Outcome {
        self.launch(number)?;
        self.until_ready(number).await
    }

    /// Starts a killed member again and does not wait.
    pub fn launch(&mut self, number: usize) -> Outcome {
        let peers = self.members.iter().enumerate();
        let peers: Vec<String> =
            peers.map(|(number, member)| format!("m{number}=http://127.0.0.1:{}", member.peer)).collect();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let member = &mut self.members[number];
        ensure!(member.process.is_none(), "the member already runs");
        let client = format!("{scheme}://127.0.0.1:{}", member.client);
        let peer = format!("http://127.0.0.1:{}", member.peer);
        let mut command = Command::new(find("etcd")?);
        command.env_clear().arg("--name").arg(format!("m{number}"));
        command.arg("--data-dir").arg(member.place.path().join("data"));
        for (option, value) in [
            ("--listen-client-urls", client.as_str()),
            ("--advertise-client-urls", &client),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &peer),
            ("--initial-cluster", &peers.join(",")),
            ("--initial-cluster-token", &peers.join("+")),
        ] {
            command.arg(option).arg(value);
        }
        if let Some(tls) = &self.tls {
            command.arg("--cert-file").arg(&tls.certificate).arg("--key-file").arg(&tls.key);
            if tls.mutual {
                command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(&tls.ca);
            }
        }
        member.process = Some(Process::start("etcd", command, None, &member.place, Signal::Kill)?);
        Ok(())
    }

    /// Freezes a member with SIGSTOP: whoever talks to it hears nothing.
    pub fn freeze(&mut self, number: usize) -> Outcome {
        self.signal(number, Signal::Stop)
    }

    /// Lets it go on.
    pub fn thaw(&mut self, number: usize) -> Outcome {
        self.signal(number, Signal::Continue)
    }

    fn signal(&mut self, number: usize, signal: Signal) -> Outcome {
        self.members[number].process.as_mut().context("the member does not run")?.signal(signal)
    }

    /// Which member leads, as those say that run.
    pub async fn leader(&self) -> Outcome<usize> {
        eventually("the members of etcd have a leader", SOON, || async {
            for number in 0..self.members.len() {
                let Ok(status) = self.ask(number, "maintenance/status", json!({})).await else { continue };
                if status["leader"].is_string() && status["leader"] == status["header"]["member_id"] {
                    return Ok(number);
                }
            }
            anyhow::bail!("nobody says that it leads")
        })
        .await
    }

    /// Asks a member something, over its gateway for JSON.
    pub async fn ask(&self, number: usize, path: &str, body: Value) -> Outcome<Value> {
        let url = format!("http://127.0.0.1:{}/v3/{path}", self.members[number].client);
        let answer = reqwest::Client::new().post(url).json(&body).timeout(SOON).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "etcd answered {status} to {path}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Demands user and password from now on, of one `user` with all rights below `folder`, and of `root`.
    pub async fn demand_passwords(&self, user: &str, password: &str, folder: &str) -> Outcome {
        use base64::Engine as _;
        let wrapped = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        // The end of a range: the slash's successor.
        let (begin, end) = (wrapped(&format!("{folder}/")), wrapped(&format!("{folder}0")));
        let rights = json!({ "permType": "READWRITE", "key": begin, "range_end": end });
        for (path, body) in [
            ("auth/user/add", json!({ "name": "root", "password": password })),
            ("auth/user/add", json!({ "name": user, "password": password })),
            ("auth/role/add", json!({ "name": "root" })),
            ("auth/role/add", json!({ "name": user })),
            ("auth/role/grant", json!({ "name": user, "perm": rights })),
            ("auth/user/grant", json!({ "user": "root", "role": "root" })),
            ("auth/user/grant", json!({ "user": user, "role": user })),
            ("auth/enable", json!({})),
        ] {
            self.ask(0, path, body).await.with_context(|| format!("asking for {path}"))?;
        }
        Ok(())
    }

    async fn until_ready(&mut self, number: usize) -> Outcome {
        let port = self.members[number].client;
        let with_tls = self.tls.is_some();
        let process = self.members[number].process.as_mut().context("the member does not run")?;
        let ready = || async move {
            if with_tls {
                // It listens for callers only once it has a leader.
                tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
                return Ok(());
            }
            let answer = reqwest::get(format!("http://127.0.0.1:{port}/health")).await?.text().await?;
            ensure!(answer.contains("true"), "it says {answer}");
            Ok(())
        };
        process.until_ready(SOON, ready).await
    }
}
