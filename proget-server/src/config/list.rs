//! The one list of settings. Parser, `--help`, `proget config show` and the table in the README
//! are derived from it.

use super::setting::Kind::{
    Addresses, Choice, Count, DatabaseUrl, Duration, LogFilter, Networks, Path, PublicUrl, Secret, Size,
    StoreAddress, Text,
};
use super::setting::Setting;
use super::setting::Standard::{Otherwise, Value};

macro_rules! settings {
    ($($constant:ident: $name:literal, $kind:expr, $standard:expr, $about:literal;)*) => {
        $(
            #[doc = $about]
            pub(super) const $constant: Setting =
                Setting { name: $name, kind: $kind, standard: $standard, about: $about };
        )*

        /// All settings, in the order in which people meet them.
        pub const SETTINGS: &[&Setting] = &[$(&$constant),*];
    };
}

settings! {
    LISTEN: "listen", Addresses, Value("127.0.0.1:8624"),
        "addresses to listen on; `0.0.0.0:8624` is every IPv4 address of the machine";
    NODE_NAME: "node-name", Text, Otherwise("the host's name"),
        "what this server is called in its cluster and in logs; unique among its servers";
    COMPONENTS: "components", Text, Value("web,service"),
        "what this process is for: `web` answers requests, `service` does background work";
    DATA_DIR: "data-dir", Path, Value("proget-data"),
        "directory for everything that has no other place: SQLite, packages, scratch, the control socket";
    DATABASE_URL: "database-url", DatabaseUrl, Otherwise("`proget.db` in the data directory"),
        "`sqlite:///path/file.db`, `postgres://user:password@host/name` or `mysql://user:password@host/name`; several hosts, of which one takes writes, as `host1:5432,host2:5432`";
    DATABASE_CONNECTIONS: "database-connections", Count, Value("12"),
        "connections to PostgreSQL or MariaDB for writing, and as many again for reading";
    ELECTION_URL: "election-url", DatabaseUrl, Otherwise("the database"),
        "where leases of roles are kept instead, the same on every server: `etcd://user:password@host,host/folder`, or `etcds://…?ca=FILE` with TLS";
    MESSENGER_ENDPOINT: "messenger-endpoint", Text, Otherwise("port 33237 where the server listens, if several servers can share the database and there is a key"),
        "where hints are taken from other servers: `tcp://0.0.0.0:33237`, `unix:///run/proget/hints` for processes of one machine, or `off`";
    MESSENGER_ADDRESS: "messenger-address", Text, Otherwise("this machine's address on the way to the database"),
        "host, or host and port, by which other servers reach the messenger";
    STORAGE_ROOT: "storage-root", StoreAddress, Otherwise("`packages` in the data directory"),
        "where packages are kept: a directory or a mounted share, as a path or `file:///…`, or a bucket, as `s3://bucket/prefix?region=…` or `az://container/prefix?account=…` (see docs/STORES.md)";
    ENCRYPTION_KEY: "encryption-key", Secret, Otherwise("no key"),
        "64 hexadecimal digits, the same on every server, as `proget keys generate` makes them; several while keys are exchanged, separated by commas";
    MACHINE_KEY_VALIDATION: "machine-key-validation", Secret, Otherwise("follows from the encryption key"),
        "validation key of login sessions, 64 to 128 hexadecimal digits, the same on every server; needs `machine-key-decryption`";
    MACHINE_KEY_DECRYPTION: "machine-key-decryption", Secret, Otherwise("follows from the encryption key"),
        "decryption key of login sessions, 32, 48 or 64 hexadecimal digits, the same on every server; needs `machine-key-validation`";
    PUBLIC_URL: "public-url", PublicUrl, Otherwise("what the request says"),
        "what clients call, a path included, such as `https://example/packages`";
    TRUSTED_PROXIES: "trusted-proxies", Networks, Otherwise("nobody is believed"),
        "networks whose `X-Forwarded-…` or PROXY headers are believed, such as `10.0.0.0/8`";
    PROXY_HEADERS: "proxy-headers", Choice(&["x-forwarded", "forwarded"]), Value("x-forwarded"),
        "which headers the trusted proxies set; the others are ignored";
    PROXY_PROTOCOL: "proxy-protocol", Choice(&["off", "accepted", "required"]), Value("off"),
        "whether the trusted proxies begin each connection with a PROXY header (version 1 or 2), for balancers that pass on plain TCP";
    ADMIN_PASSWORD: "admin-password", Secret, Otherwise("made up and printed once"),
        "password of the first administrator, `Admin`, on a new instance";
    ADMIN_API_KEY: "admin-api-key", Secret, Otherwise("no key"),
        "a first API key that may do everything, on a new instance";
    TLS_CERT: "tls-cert", Path, Otherwise("no TLS"),
        "certificate with its intermediates (PEM); needs `tls-key`";
    TLS_KEY: "tls-key", Path, Otherwise("no TLS"),
        "private key (PEM, no passphrase); needs `tls-cert`";
    LIMIT_CONNECTIONS: "limit-connections", Count, Value("512"),
        "open connections; further ones wait";
    LIMIT_IN_FLIGHT: "limit-in-flight", Count, Value("512"),
        "requests being handled at once";
    LIMIT_WAITING: "limit-waiting", Count, Value("512"),
        "requests that may wait for a place; the next one is answered 503";
    LIMIT_WAIT: "limit-wait", Duration, Value("5s"),
        "how long one may wait before it is answered 503";
    LIMIT_RETRY_AFTER: "limit-retry-after", Duration, Value("2s"),
        "when a client that got a 503 is asked to come back";
    LIMIT_BODY: "limit-body", Size, Value("1MiB"),
        "largest body of a request that brings no package";
    LIMIT_UPLOAD: "limit-upload", Size, Value("16GiB"),
        "largest body of a request that brings a package";
    LIMIT_BODY_RATE: "limit-body-rate", Size, Value("1KiB"),
        "bytes per second that a body must bring on average; 0 switches it off";
    LIMIT_STREAMS: "limit-streams", Count, Value("100"),
        "requests at once on one HTTP/2 connection";
    LIMIT_HEAD: "limit-head", Size, Value("64KiB"),
        "largest head of a request, at least 8KiB";
    TIMEOUT_FIRST_BYTE: "timeout-first-byte", Duration, Value("10s"),
        "from accepting a connection to its first byte";
    TIMEOUT_HANDSHAKE: "timeout-handshake", Duration, Value("10s"),
        "for a PROXY header, and again for the TLS handshake";
    TIMEOUT_HEADER: "timeout-header", Duration, Value("10s"),
        "for the head of a request";
    TIMEOUT_IDLE: "timeout-idle", Duration, Value("75s"),
        "how long a connection without requests stays open";
    TIMEOUT_BODY_CHUNK: "timeout-body-chunk", Duration, Value("60s"),
        "how long a body may bring nothing";
    TIMEOUT_WRITE: "timeout-write", Duration, Value("60s"),
        "how long a client may take nothing of an answer";
    TIMEOUT_PING: "timeout-ping", Duration, Value("20s"),
        "between two HTTP/2 pings on a quiet connection";
    TIMEOUT_PONG: "timeout-pong", Duration, Value("20s"),
        "for the answer to a ping";
    TIMEOUT_LINGER: "timeout-linger", Duration, Value("2s"),
        "how long a refused body is still read, so that its sender gets the answer";
    TIMEOUT_DRAIN: "timeout-drain", Duration, Value("30s"),
        "how long a stopping server waits for requests in flight";
    TIMEOUT_GRACE: "timeout-grace", Duration, Otherwise("`3s` with PostgreSQL or MariaDB, `0s` with SQLite"),
        "how long a stopping server says 'not ready' and still takes requests, so that balancers turn away";
    STALE_READS: "stale-reads", Choice(&["known", "anonymous", "off"]), Value("known"),
        "who may read what this server remembers while the database cannot be reached: `known` is whoever it verified itself, and everybody in feeds that everybody may read";
    STALE_FOR: "stale-for", Duration, Value("1h"),
        "how long ago at most it was certain of what it answers then, and of who asks";
    METRICS: "metrics", Choice(&["administrators", "everybody"]), Value("administrators"),
        "who may read `/metrics`";
    LOG: "log", LogFilter, Value("info"),
        "which log lines are written, such as `warn` or `info,proget_server=debug`";
    LOG_FORMAT: "log-format", Choice(&["text", "json"]), Value("text"),
        "how log lines look";
}
