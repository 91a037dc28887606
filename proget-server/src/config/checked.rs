//! High: checked parts, one small record per concern, and how they come about from what was
//! written. Everything is looked at before anything is complained about.

use super::complaint::{Complaint, Complaints};
use super::keys::{self, Keys};
use super::list as setting;
use super::messenger::MessengerSettings;
use super::parse;
use super::setting::{Setting, Standard};
use super::written::Written;
use crate::accounts::{FirstAdministrator, FirstPassword};
use crate::cluster::host_name;
use crate::http::{
    Addressing, Limits, ListenAddress, ProxyDialect, ProxyNetwork, ProxyProtocol, ProxyTrust, PublicUrl,
    Timeouts, TlsFiles,
};
use crate::routes::MetricsAccess;
use crate::stale::StaleReads;
use proget_cluster::membership::Component;
use proget_core::access::Secret;
use proget_core::cluster::NodeName;
use proget_core::keys::MachineKey;
use proget_storage::StoreAddress;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What this server is called in its cluster and in logs.
    pub node_name: NodeName,
    /// Its halves.
    pub components: BTreeSet<Component>,
    /// Where things are kept.
    pub places: Places,
    /// How hints reach other servers.
    pub messenger: MessengerSettings,
    /// How requests come in.
    pub front: Front,
    /// What seals secrets, and whose login sessions hold.
    pub keys: Keys,
    /// Who may sign in first.
    pub first_administrator: FirstAdministrator,
    /// What is logged.
    pub log: Log,
}

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct Places {
    /// The data directory, absolute.
    pub data_dir: PathBuf,
    /// The database; may hold a password.
    pub database: Secret,
    /// Connections for writing, and as many for reading.
    pub database_connections: u32,
    /// Where roles are kept, if not in the database.
    pub election: Option<parse::ElectionAddress>,
    /// The package store.
    pub store: StoreAddress,
}

impl Places {
    /// The database, if it is a SQLite file. Then one process owns it, and others go through that process.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let path = self.database.reveal().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(path.split('?').next().unwrap_or(path).into())
    }

    /// Does anything lie in the data directory?
    #[must_use]
    pub fn uses_data_dir(&self) -> bool {
        let store = self.store.directory().is_none_or(|path| path.starts_with(&self.data_dir));
        store || self.sqlite_file().is_some()
    }
}

/// How requests come in.
#[derive(Debug, Clone)]
pub struct Front {
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// Certificate and key, if TLS is spoken.
    pub tls: Option<TlsFiles>,
    /// What clients call us, and which proxies are believed.
    pub addressing: Addressing,
    /// How much is taken at once.
    pub limits: Limits,
    /// How long is waited.
    pub timeouts: Timeouts,
    /// How long a stopping server still takes requests.
    pub grace: Duration,
    /// What may be read while the database cannot be reached.
    pub stale: StaleReads,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
}

/// What is logged, and how it looks.
#[derive(Debug, Clone)]
pub struct Log {
    /// Which lines; a filter that has been checked.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Checks what was written, adding to the complaints that gathering it made.
    ///
    /// # Errors
    /// All complaints at once.
    pub fn check(written: &Written, complaints: Vec<Complaint>) -> Result<Self, Complaints> {
        let mut reader = Reader { written, complaints };
        let config = reader.config();
        if reader.complaints.is_empty() { Ok(config) } else { Err(Complaints(reader.complaints)) }
    }
}

/// Longer than any of the shipped balancers needs to notice.
const USUAL_GRACE: Duration = Duration::from_secs(3);

/// Reads settings one by one. After a complaint it goes on with the default, to find more.
pub(super) struct Reader<'w> {
    written: &'w Written,
    complaints: Vec<Complaint>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let data_dir: PathBuf = self.required(&setting::DATA_DIR, directory);
        let places = Places {
            database: self
                .optional(&setting::DATABASE_URL, parse::database_url)
                .unwrap_or_else(|| Secret::new(sqlite_in(&data_dir))),
            database_connections: self.required(&setting::DATABASE_CONNECTIONS, positive),
            election: self.optional(&setting::ELECTION_URL, parse::election_url),
            store: self
                .optional(&setting::STORAGE_ROOT, store_address)
                .unwrap_or_else(|| StoreAddress::Directory(data_dir.join("packages"))),
            data_dir,
        };
        // Only a server that has others beside it can have a balancer that must turn away from it.
        let usual_grace = if places.sqlite_file().is_some() { Duration::ZERO } else { USUAL_GRACE };
        Config {
            node_name: self.optional(&setting::NODE_NAME, node_name).unwrap_or_else(host_name),
            components: self.required(&setting::COMPONENTS, components),
            places,
            messenger: self.messenger(),
            front: self.front(usual_grace),
            keys: self.keys(),
            first_administrator: FirstAdministrator {
                password: self
                    .optional(&setting::ADMIN_PASSWORD, parse::password)
                    .map_or(FirstPassword::Random, FirstPassword::Given),
                api_key: self.optional(&setting::ADMIN_API_KEY, parse::key_text),
            },
            log: Log {
                filter: self.required(&setting::LOG, parse::log_filter),
                format: self.required(&setting::LOG_FORMAT, |text| match text {
                    "json" => Ok(LogFormat::Json),
                    "text" => Ok(LogFormat::Text),
                    _ => Err("expected text or json".to_owned()),
                }),
            },
        }
    }

    fn front(&mut self, usual_grace: Duration) -> Front {
        let certificate = self.optional(&setting::TLS_CERT, path);
        let key = self.optional(&setting::TLS_KEY, path);
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => self.other_half_missing(&setting::TLS_CERT, &setting::TLS_KEY),
            (None, Some(_)) => self.other_half_missing(&setting::TLS_KEY, &setting::TLS_CERT),
        };
        let dialect = self.required(&setting::PROXY_HEADERS, |text| match text {
            "x-forwarded" => Ok(ProxyDialect::XForwarded),
            "forwarded" => Ok(ProxyDialect::Forwarded),
            _ => Err("expected x-forwarded or forwarded".to_owned()),
        });
        let proxy_protocol = self.required(&setting::PROXY_PROTOCOL, |text| match text {
            "off" => Ok(ProxyProtocol::Off),
            "accepted" => Ok(ProxyProtocol::Accepted),
            "required" => Ok(ProxyProtocol::Required),
            _ => Err("expected off, accepted or required".to_owned()),
        });
        let networks = self.optional(&setting::TRUSTED_PROXIES, list::<ProxyNetwork>).unwrap_or_default();
        if proxy_protocol != ProxyProtocol::Off && networks.is_empty() {
            self.complaints.push(Complaint {
                what: "proxy-protocol is on, but trusted-proxies is not set".into(),
                hint: "name the networks from which your balancers connect".into(),
            });
        }
        Front {
            listen: self.required(&setting::LISTEN, list::<ListenAddress>),
            tls,
            addressing: Addressing {
                public_url: self.optional(&setting::PUBLIC_URL, parsed::<PublicUrl>),
                proxies: ProxyTrust { networks, dialect, proxy_protocol },
            },
            limits: self.limits(),
            timeouts: self.timeouts(),
            grace: self.optional(&setting::TIMEOUT_GRACE, parse::duration).unwrap_or(usual_grace),
            stale: StaleReads {
                readers: self.required(&setting::STALE_READS, parse::stale_readers),
                bound: self.required(&setting::STALE_FOR, parse::duration),
            },
            metrics: self.required(&setting::METRICS, parse::metrics_access),
        }
    }

    fn keys(&mut self) -> Keys {
        let ring = self.optional(&setting::ENCRYPTION_KEY, keys::ring);
        let validation = self.optional(&setting::MACHINE_KEY_VALIDATION, keys::part);
        let decryption = self.optional(&setting::MACHINE_KEY_DECRYPTION, keys::part);
        let is_written = |setting| self.written.get(setting).is_some();
        let halves =
            (is_written(&setting::MACHINE_KEY_VALIDATION), is_written(&setting::MACHINE_KEY_DECRYPTION));
        let machine =
            match halves {
                (true, false) => self
                    .other_half_missing(&setting::MACHINE_KEY_VALIDATION, &setting::MACHINE_KEY_DECRYPTION),
                (false, true) => self
                    .other_half_missing(&setting::MACHINE_KEY_DECRYPTION, &setting::MACHINE_KEY_VALIDATION),
                // A half that was written and is no key has been complained about.
                _ => validation.zip(decryption),
            };
        let machine = machine.and_then(|(validation, decryption)| {
            let key = MachineKey::new(validation, decryption);
            key.map_err(|error| self.complaints.push(keys::complaint(error))).ok()
        });
        Keys { ring, machine }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            connections: self.required(&setting::LIMIT_CONNECTIONS, positive) as usize,
            in_flight: self.required(&setting::LIMIT_IN_FLIGHT, positive) as usize,
            waiting: self.required(&setting::LIMIT_WAITING, count) as usize,
            wait: self.required(&setting::LIMIT_WAIT, parse::duration),
            retry_after: self.required(&setting::LIMIT_RETRY_AFTER, parse::duration),
            body: self.required(&setting::LIMIT_BODY, parse::size),
            upload: self.required(&setting::LIMIT_UPLOAD, parse::size),
            body_rate: self.required(&setting::LIMIT_BODY_RATE, parse::size),
            streams: self.required(&setting::LIMIT_STREAMS, positive),
            head: self.required(&setting::LIMIT_HEAD, |text| {
                let bytes =
                    u32::try_from(parse::size(text)?).map_err(|_| "expected less than 4GiB".to_owned())?;
                if bytes < 8 << 10 { Err("expected at least 8KiB".to_owned()) } else { Ok(bytes) }
            }),
        }
    }

    fn timeouts(&mut self) -> Timeouts {
        Timeouts {
            first_byte: self.some_time(&setting::TIMEOUT_FIRST_BYTE),
            handshake: self.some_time(&setting::TIMEOUT_HANDSHAKE),
            header: self.some_time(&setting::TIMEOUT_HEADER),
            idle: self.some_time(&setting::TIMEOUT_IDLE),
            body_chunk: self.some_time(&setting::TIMEOUT_BODY_CHUNK),
            write: self.some_time(&setting::TIMEOUT_WRITE),
            ping: self.some_time(&setting::TIMEOUT_PING),
            pong: self.some_time(&setting::TIMEOUT_PONG),
            linger: self.required(&setting::TIMEOUT_LINGER, parse::duration),
            drain: self.required(&setting::TIMEOUT_DRAIN, parse::duration),
        }
    }

    fn some_time(&mut self, setting: &Setting) -> Duration {
        self.required(setting, |text| match parse::duration(text)? {
            Duration::ZERO => Err("expected more than no time at all".to_owned()),
            time => Ok(time),
        })
    }

    /// A setting that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let written = self.written.get(setting)?;
        match parse(written.text.reveal().trim()) {
            Ok(value) => Some(value),
            Err(hint) => {
                let what = format!("{} cannot be used ({})", setting.name, written.source);
                self.complaints.push(Complaint { what, hint });
                None
            }
        }
    }

    /// A setting with a default that is parsed like any other text.
    fn required<T: Default>(&mut self, setting: &Setting, parse: impl Fn(&str) -> Result<T, String>) -> T {
        if let Some(value) = self.optional(setting, &parse) {
            return value;
        }
        match setting.standard {
            // A test parses every default.
            Standard::Value(text) => parse(text).unwrap_or_default(),
            Standard::Otherwise(_) => T::default(),
        }
    }

    fn other_half_missing<T>(&mut self, given: &Setting, missing: &Setting) -> Option<T> {
        let what = format!("{} is set, but {} is not", given.name, missing.name);
        self.complaints.push(Complaint { what, hint: "set both, or neither".into() });
        None
    }
}

fn node_name(text: &str) -> Result<NodeName, String> {
    NodeName::new(text).map_err(|refusal| refusal.to_string())
}

fn components(text: &str) -> Result<BTreeSet<Component>, String> {
    let named = |name: &str| name.trim().parse().map_err(|_| "expected web, service or both".to_owned());
    text.split(',').map(named).collect()
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(text.into()) }
}

/// The question mark would end the path in the database's address.
fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('?') {
        return Err("expected the path of a directory, without '?' in it".to_owned());
    }
    absolute(Path::new(text))
}

/// Absolute, because a database address and a control socket must mean the same place later.
fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("expected the path of a directory: {error}"))
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

fn positive(text: &str) -> Result<u32, String> {
    match count(text)? {
        0 => Err("expected at least 1".to_owned()),
        number => Ok(number),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Several, separated by commas.
fn list<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Vec<T>, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err("expected at least one".to_owned());
    }
    parts.into_iter().map(parsed).collect()
}

/// As the catalogue reads it: the path as it is, up to a question mark.
fn sqlite_in(data_dir: &Path) -> String {
    format!("sqlite://{}", data_dir.join("proget.db").display())
}

/// A relative path is relative to where the program was started.
fn store_address(text: &str) -> Result<StoreAddress, String> {
    match parsed::<StoreAddress>(text)? {
        StoreAddress::Directory(path) => absolute(&path).map(StoreAddress::Directory),
        other => Ok(other),
    }
}
