//! Which database an address names. Keeps the password out of everything that is shown.

use super::dialect::Dialect;
use super::error::OpenError;
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::PathBuf;

/// A database, named by an address.
#[derive(Clone)]
pub(super) enum Target {
    /// A file of our own.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>, Shown),
    /// A MariaDB or MySQL server.
    MySql(Box<MySqlConnectOptions>, Shown),
}

/// An address as it may be shown.
#[derive(Clone)]
pub(super) struct Shown(String);

impl Target {
    pub(super) fn parse(address: &str) -> Result<Self, OpenError> {
        let bad = |reason: &str| OpenError::BadUrl { reason: reason.to_owned() };
        let (scheme, rest) = address.split_once(':').ok_or_else(|| bad("it has no scheme"))?;
        if scheme == "sqlite" {
            return sqlite_path(rest).map(Self::Sqlite).ok_or_else(|| {
                bad("SQLite needs the path of a file (a database in memory would lose everything)")
            });
        }
        // Never the parser's own words: they might repeat the address with its password.
        let url = url::Url::parse(address).map_err(|_| bad("it is not a URL"))?;
        let shown = Shown(format!(
            "{}{}{}",
            url.host_str().unwrap_or("localhost"),
            url.port().map(|port| format!(":{port}")).unwrap_or_default(),
            url.path()
        ));
        if url.path().trim_matches('/').is_empty() {
            return Err(bad("it names no database after the host"));
        }
        match scheme {
            "postgres" | "postgresql" => {
                let options =
                    address.parse().map_err(|_| bad("PostgreSQL's driver does not understand it"))?;
                Ok(Self::Postgres(Box::new(options), shown))
            }
            "mysql" | "mariadb" => {
                let address = address.replacen("mariadb:", "mysql:", 1);
                let options = address.parse().map_err(|_| bad("MariaDB's driver does not understand it"))?;
                Ok(Self::MySql(Box::new(options), shown))
            }
            _ => Err(bad("its scheme is none of sqlite, postgres, mysql")),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(..) => Dialect::Postgres,
            Self::MySql(..) => Dialect::MySql,
        }
    }
}

/// `sqlite:///a/b` and `sqlite:/a/b` are absolute, `sqlite://a` and `sqlite:a` relative.
fn sqlite_path(rest: &str) -> Option<PathBuf> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() || path.starts_with(":memory:") || path.ends_with('/') {
        return None;
    }
    Some(PathBuf::from(path))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "the SQLite database {}", path.display()),
            Self::Postgres(_, shown) => write!(f, "the PostgreSQL database {}", shown.0),
            Self::MySql(_, shown) => write!(f, "the MariaDB database {}", shown.0),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_shows_its_password() {
        for address in [
            "postgres://ann:s3cret@db.example:5433/packages",
            "mysql://ann:s3cret@db.example/packages",
            "mariadb://ann:s3cret@db.example/packages",
        ] {
            let target = Target::parse(address).unwrap();
            let shown = format!("{target} {target:?}");
            assert!(!shown.contains("s3cret") && shown.contains("db.example"), "{shown}");
        }
        for address in ["oracle://ann:s3cret@db/x", "postgres://ann:s3cret@db", "ann:s3cret", "nonsense"] {
            let error = Target::parse(address).unwrap_err().to_string();
            assert!(!error.contains("s3cret") && error.contains("sqlite:///"), "{error}");
        }
    }

    #[test]
    fn sqlite_addresses_name_a_file_or_are_refused() {
        let path = |address: &str| match Target::parse(address) {
            Ok(Target::Sqlite(path)) => Some(path.display().to_string()),
            _ => None,
        };
        assert_eq!(path("sqlite:///var/a b.db").as_deref(), Some("/var/a b.db"));
        assert_eq!(path("sqlite://data/x.db?mode=rwc").as_deref(), Some("data/x.db"));
        assert_eq!(path("sqlite:x.db").as_deref(), Some("x.db"));
        for bad in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:///var/"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
