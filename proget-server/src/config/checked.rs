//! High: checked parts, one small record per concern, and how they come about from what was
//! written. Everything is looked at before anything is complained about.

use super::complaint::{Complaint, Complaints};
use super::list as setting;
use super::parse;
use super::setting::{Setting, Standard};
use super::written::Written;
use crate::accounts::{FirstAdministrator, FirstPassword, KeyText, PasswordError};
use crate::http::{
    Addressing, Limits, ListenAddress, ProxyDialect, ProxyNetwork, ProxyTrust, PublicUrl, Timeouts, TlsFiles,
};
use crate::routes::MetricsAccess;
use proget_core::access::Secret;
use proget_storage::StoreAddress;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What this server is called in logs.
    pub node_name: String,
    /// Where things are kept.
    pub places: Places,
    /// How requests come in.
    pub front: Front,
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

/// Reads settings one by one. After a complaint it goes on with the default, to find more.
struct Reader<'w> {
    written: &'w Written,
    complaints: Vec<Complaint>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let data_dir: PathBuf = self.required(&setting::DATA_DIR, directory);
        Config {
            node_name: self.optional(&setting::NODE_NAME, plain).unwrap_or_else(host_name),
            places: Places {
                database: self
                    .optional(&setting::DATABASE_URL, database_url)
                    .unwrap_or_else(|| Secret::new(sqlite_in(&data_dir))),
                database_connections: self.required(&setting::DATABASE_CONNECTIONS, positive),
                store: self
                    .optional(&setting::STORAGE_ROOT, store_address)
                    .unwrap_or_else(|| StoreAddress::Directory(data_dir.join("packages"))),
                data_dir,
            },
            front: self.front(),
            first_administrator: FirstAdministrator {
                password: self
                    .optional(&setting::ADMIN_PASSWORD, password)
                    .map_or(FirstPassword::Random, FirstPassword::Given),
                api_key: self.optional(&setting::ADMIN_API_KEY, key_text),
            },
            log: Log {
                filter: self.required(&setting::LOG, log_filter),
                format: self.required(&setting::LOG_FORMAT, |text| match text {
                    "json" => Ok(LogFormat::Json),
                    "text" => Ok(LogFormat::Text),
                    _ => Err("expected text or json".to_owned()),
                }),
            },
        }
    }

    fn front(&mut self) -> Front {
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
        let networks = self.optional(&setting::TRUSTED_PROXIES, list::<ProxyNetwork>).unwrap_or_default();
        Front {
            listen: self.required(&setting::LISTEN, list::<ListenAddress>),
            tls,
            addressing: Addressing {
                public_url: self.optional(&setting::PUBLIC_URL, parsed::<PublicUrl>),
                proxies: ProxyTrust { networks, dialect },
            },
            limits: self.limits(),
            timeouts: self.timeouts(),
            grace: self.required(&setting::TIMEOUT_GRACE, parse::duration),
            metrics: self.required(&setting::METRICS, |text| match text {
                "administrators" => Ok(MetricsAccess::Administrators),
                "everybody" => Ok(MetricsAccess::Everybody),
                _ => Err("expected administrators or everybody".to_owned()),
            }),
        }
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
    fn optional<T>(&mut self, setting: &Setting, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
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
        self.complaints.push(Complaint { what, hint: "set both for TLS, or neither".into() });
        None
    }
}

fn plain(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected a text of one line".to_owned());
    }
    Ok(text.to_owned())
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

/// Only the scheme is looked at: what follows is understood where the database is opened.
fn database_url(text: &str) -> Result<Secret, String> {
    let known = ["sqlite:", "postgres:", "postgresql:", "mysql:", "mariadb:"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(Secret::new(text));
    }
    Err(format!("expected {}", setting::DATABASE_URL.about))
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

fn password(text: &str) -> Result<Secret, String> {
    if (PasswordError::MIN_BYTES..=PasswordError::MAX_BYTES).contains(&text.len()) {
        return Ok(Secret::new(text));
    }
    Err(PasswordError::Length.to_string())
}

fn key_text(text: &str) -> Result<KeyText, String> {
    KeyText::chosen(text).map_err(|refusal| format!("a key {}", refusal.rule))
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|_| {
        "expected a level (error, warn, info, debug, trace) or a list such as info,proget_server=debug"
            .to_owned()
    })
}

fn host_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = told.unwrap_or_default().trim().to_owned();
    if name.is_empty() { "proget".to_owned() } else { name }
}
