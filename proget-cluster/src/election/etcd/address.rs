//! Where etcd is: `etcd://USER:PASSWORD@HOST:PORT,HOST:PORT/FOLDER`, or `etcds://…?ca=FILE` with TLS.

use percent_encoding::percent_decode_str;
use proget_core::access::Secret;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where etcd is and how it is spoken to. Holds a password, which is never shown.
///
/// - `etcd://HOST[:PORT][,HOST[:PORT]…][/FOLDER]`; the port is 2379 and the folder `proget` unless they are given.
///   Clusters that share an etcd have folders of their own.
/// - `USER:PASSWORD@` before the hosts, where etcd has authentication enabled; percent-encoded.
/// - `etcds://…?ca=FILE` speaks TLS and believes certificates that an authority in that PEM file has signed;
///   `&certificate=FILE&key=FILE` is what it shows of itself, if etcd asks.
#[derive(Debug, Clone)]
pub struct EtcdAddress {
    pub(super) members: Vec<Member>,
    pub(super) user: Option<(String, Secret)>,
    /// Begins all keys; without a slash at its end.
    pub(super) prefix: String,
    pub(super) tls: Option<Files>,
}

/// One process of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Files for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// Who is believed.
    pub(super) ca: PathBuf,
    /// Certificate and key of ourselves.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

/// Why an address of etcd cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadEtcdAddress(&'static str);

const STANDARD_PORT: u16 = 2379;
const STANDARD_PREFIX: &str = "proget";

impl FromStr for EtcdAddress {
    type Err = BadEtcdAddress;

    fn from_str(written: &str) -> Result<Self, BadEtcdAddress> {
        let shape = BadEtcdAddress("expected etcd://HOST:PORT,HOST:PORT/FOLDER, or etcds://…?ca=FILE");
        let (scheme, rest) = written.split_once("://").ok_or(shape.clone())?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, folder) = place.split_once('/').unwrap_or((place, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(credentials(user)?), hosts),
            None => (None, authority),
        };
        let members = hosts.split(',').map(member).collect::<Result<Vec<_>, _>>()?;
        let files = files(query)?;
        let tls = match (scheme, files) {
            ("etcd", None) => None,
            ("etcds", Some(files)) => Some(files),
            ("etcd", Some(_)) => return Err(BadEtcdAddress("parameters are for etcds:// only")),
            ("etcds", None) => {
                return Err(BadEtcdAddress("etcds:// needs ?ca=FILE with the authority's certificate"));
            }
            _ => return Err(shape),
        };
        let folder = folder.trim_matches('/');
        let prefix = if folder.is_empty() { STANDARD_PREFIX.to_owned() } else { decoded(folder)? };
        Ok(Self { members, user, prefix: format!("/{prefix}"), tls })
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

fn credentials(written: &str) -> Result<(String, Secret), BadEtcdAddress> {
    let wants_both = BadEtcdAddress("expected USER:PASSWORD before the @");
    let (user, password) = written.split_once(':').ok_or(wants_both.clone())?;
    if user.is_empty() {
        return Err(wants_both);
    }
    Ok((decoded(user)?, Secret::new(decoded(password)?)))
}

fn member(written: &str) -> Result<Member, BadEtcdAddress> {
    let (host, port) = match written.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => written.split_once(':').map_or((written, None), |(host, port)| (host, Some(port))),
    };
    let known =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(known) {
        return Err(BadEtcdAddress("expected hosts, separated by commas"));
    }
    let port = port.map_or(Ok(STANDARD_PORT), str::parse);
    let port = port.map_err(|_| BadEtcdAddress("a port is no number up to 65535"))?;
    Ok(Member { host: host.to_owned(), port })
}

fn files(query: &str) -> Result<Option<Files>, BadEtcdAddress> {
    let (mut ca, mut certificate, mut key) = (None, None, None);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let place = match name {
            "ca" => &mut ca,
            "certificate" => &mut certificate,
            "key" => &mut key,
            _ => return Err(BadEtcdAddress("the parameters are ca, certificate and key")),
        };
        if value.is_empty() || place.replace(PathBuf::from(decoded(value)?)).is_some() {
            return Err(BadEtcdAddress("each parameter is one file"));
        }
    }
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(BadEtcdAddress("certificate and key belong together")),
    };
    match (ca, own) {
        (Some(ca), own) => Ok(Some(Files { ca, own })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(BadEtcdAddress("certificate and key need ca, too")),
    }
}

fn decoded(written: &str) -> Result<String, BadEtcdAddress> {
    let text = percent_decode_str(written).decode_utf8();
    text.map(String::from).map_err(|_| BadEtcdAddress("percent-encoding must hide UTF-8"))
}
