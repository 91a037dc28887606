//! Connections to the members of etcd: HTTP/1.1 to its gateway for JSON, with TLS or without.
//!
//! Calls go to one member for as long as it answers. Whatever ends badly, also by a caller who
//! has left, throws its connection away and sends the next call to the next member: a member that is
//! frozen or cut off costs one call. A call is repeated with another member only if no connection came
//! about, so that nothing is ever done twice.

use super::address::{EtcdAddress, Files, Member};
use super::error::EtcdError;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsConnector, rustls};

/// Larger than any answer about a handful of keys.
const LARGEST_ANSWER: usize = 1 << 20;

/// What a member answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) member: String,
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Connections to all members.
pub(super) struct Lines {
    members: Vec<Member>,
    tls: Option<TlsConnector>,
    /// Whom the next call goes to.
    chosen: AtomicUsize,
    idle: Mutex<Vec<Line>>,
}

/// One connection, and the task that serves it.
struct Line {
    member: usize,
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Otherwise one that hangs would wait for its answer for ever.
        self.task.abort();
    }
}

/// A call under way. Unless it ends well the next one goes elsewhere.
struct Attempt<'l> {
    lines: &'l Lines,
    member: usize,
    well: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.well {
            self.lines.leave(self.member);
        }
    }
}

impl Lines {
    /// Connects when it is first used.
    pub(super) fn to(address: &EtcdAddress) -> Result<Self, EtcdError> {
        let tls = address.tls.as_ref().map(connector).transpose()?;
        let members = address.members.clone();
        Ok(Self { members, tls, chosen: AtomicUsize::new(0), idle: Mutex::default() })
    }

    /// Asks a member, whichever answers.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, EtcdError> {
        let mut problem = None;
        for _ in &self.members {
            let member = self.chosen.load(Ordering::Relaxed);
            let mut attempt = Attempt { lines: self, member, well: false };
            let mut line = match self.line(member).await {
                Ok(line) => line,
                Err(error) => {
                    problem = Some(error);
                    continue;
                }
            };
            let answer = self.exchange(&mut line, path, token, body.clone()).await?;
            // A member without a leader says so; another may have one.
            if !answer.status.is_server_error() {
                attempt.well = true;
                self.idle().push(line);
            }
            return Ok(answer);
        }
        Err(problem.unwrap_or_else(|| EtcdError::Strange { what: "an address without a member".into() }))
    }

    async fn exchange(
        &self,
        line: &mut Line,
        path: &str,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, EtcdError> {
        let number = line.member;
        let member = self.members[number].to_string();
        let request = Request::builder().method(Method::POST).uri(path);
        let mut request = request.header(HOST, &member).header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| EtcdError::Strange { what: format!("a request cannot be made: {error}") })?;
        let broke = |source| self.broken(number, source);
        let response = line.sender.send_request(request).await.map_err(broke)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(source) => broke(*source),
            Err(error) => EtcdError::Strange { what: error.to_string() },
        })?;
        Ok(Answer { member, status: head.status, body: body.to_bytes() })
    }

    /// A connection that is there, or a new one.
    async fn line(&self, member: usize) -> Result<Line, EtcdError> {
        let rested = {
            let mut idle = self.idle();
            idle.retain(|line| !line.sender.is_closed());
            idle.iter().position(|line| line.member == member).map(|place| idle.swap_remove(place))
        };
        // It may have one last thing to do for the answer before, or have been closed this very moment.
        if let Some(mut line) = rested
            && line.sender.ready().await.is_ok()
        {
            return Ok(line);
        }
        self.connect(member).await
    }

    async fn connect(&self, number: usize) -> Result<Line, EtcdError> {
        let Member { host, port } = &self.members[number];
        let member = || self.members[number].to_string();
        let unreachable = |source| EtcdError::Unreachable { member: member(), source };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let broke = |source| self.broken(number, source);
        let (sender, task) = match &self.tls {
            None => {
                let (sender, line) = handshake(TokioIo::new(stream)).await.map_err(broke)?;
                (sender, tokio::spawn(async move { drop(line.await) }))
            }
            Some(tls) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| EtcdError::Strange { what: format!("no name for TLS: {host}") })?;
                let failed = |source| EtcdError::Tls { member: member(), source };
                let stream = tls.connect(name, stream).await.map_err(failed)?;
                let (sender, line) = handshake(TokioIo::new(stream)).await.map_err(broke)?;
                (sender, tokio::spawn(async move { drop(line.await) }))
            }
        };
        Ok(Line { member: number, sender, task })
    }

    /// A TLS server that is spoken to in plain words hangs up without a word, and so does one that misses our
    /// certificate, since TLS 1.3 tells that late.
    fn broken(&self, member: usize, source: hyper::Error) -> EtcdError {
        let hint = match &self.tls {
            None => "if it speaks TLS, write etcds:// in the election's address",
            Some(_) => "if it wants to see a certificate, give certificate and key in the election's address",
        };
        EtcdError::Broken { member: self.members[member].to_string(), hint, source }
    }

    /// The next call goes to the next member, unless somebody else has seen to that already.
    fn leave(&self, member: usize) {
        let next = (member + 1) % self.members.len();
        if self.chosen.compare_exchange(member, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.idle().retain(|line| line.member != member);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connector(files: &Files) -> Result<TlsConnector, EtcdError> {
    let unusable =
        |path: &Path, why: &dyn ToString| EtcdError::File { path: path.into(), why: why.to_string() };
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, EtcdError> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let read = read.map_err(|error| unusable(path, &error))?;
        if read.is_empty() { Err(unusable(path, &"it holds no certificate")) } else { Ok(read) }
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(|error| unusable(&files.ca, &error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.ca, &error))?
        .with_root_certificates(roots);
    let config = match &files.own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            let chain = certificates(certificate)?;
            config.with_client_auth_cert(chain, secret).map_err(|error| unusable(certificate, &error))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}
