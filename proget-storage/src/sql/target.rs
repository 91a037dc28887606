//! Which database an address names. Keeps the password out of everything that is shown.

use super::address::Address;
use super::dialect::Dialect;
use super::error::OpenError;
use super::hosts::{Hosts, Verdict};
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A database, named by an address.
#[derive(Clone)]
pub(super) enum Target {
    /// A file of our own.
    Sqlite(PathBuf),
    /// PostgreSQL servers.
    Postgres(Arc<Hosts<PgConnectOptions>>, Shown),
    /// MariaDB or MySQL servers.
    MySql(Arc<Hosts<MySqlConnectOptions>>, Shown),
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
        let (Some(address), true) = (Address::of(address), address.is_ascii()) else {
            return Err(bad(
                "it is not a URL with a host, a database and only ASCII letters (others as %C3%A4)",
            ));
        };
        let shown = Shown(format!("{}/{}", address.hosts.join(","), address.database));
        if address.database.is_empty() {
            return Err(bad("it names no database after the host"));
        }
        if address.hosts.len() > 1
            && address.hosts.iter().any(|host| host.is_empty() || host.starts_with(':'))
        {
            return Err(bad("one of its hosts has no name"));
        }
        let mut query = address.query.split('&').filter(|part| !part.is_empty());
        let attributes = query.clone().filter_map(|part| part.strip_prefix("target_session_attrs="));
        if attributes.into_iter().any(|wanted| !["read-write", "primary"].contains(&wanted)) {
            return Err(bad("target_session_attrs can only be read-write, since a registry writes"));
        }
        let listed = |part: &str| {
            ["host=", "hostaddr=", "port="].iter().any(|key| part.starts_with(key)) && part.contains(',')
        };
        if query.any(listed) {
            return Err(bad(
                "several hosts belong before the database: user:password@one:5432,two:5432/name",
            ));
        }
        match scheme {
            "postgres" | "postgresql" => {
                let hosts = address.each("postgres", "PostgreSQL's driver does not understand it")?;
                Ok(Self::Postgres(Hosts::new(hosts), shown))
            }
            "mysql" | "mariadb" => {
                let hosts = address.each("mysql", "MariaDB's driver does not understand it")?;
                Ok(Self::MySql(Hosts::new(hosts), shown))
            }
            _ => Err(bad("its scheme is none of sqlite, postgres, mysql")),
        }
    }

    /// Looks for the server that takes writes. That none can be reached is said by whoever connects.
    pub(super) async fn find_writer(&self) -> Result<(), OpenError> {
        let answers = match self {
            Self::Sqlite(_) => return Ok(()),
            Self::Postgres(hosts, _) => hosts.ask().await,
            Self::MySql(hosts, _) => hosts.ask().await,
        };
        let any = |wanted: fn(&Verdict) -> bool| answers.iter().any(|(_, verdict)| wanted(verdict));
        if any(|verdict| matches!(verdict, Verdict::Writes)) {
            return Ok(());
        }
        if any(|verdict| matches!(verdict, Verdict::Pooled)) {
            return Err(OpenError::Pooled { database: self.to_string() });
        }
        if any(|verdict| matches!(verdict, Verdict::OnlyReads)) {
            let found: Vec<String> =
                answers.iter().map(|(server, verdict)| plainly(server, verdict)).collect();
            return Err(OpenError::OnlyReads { database: self.to_string(), found: found.join(", ") });
        }
        for (_, verdict) in answers {
            if let Verdict::Failed(source) = verdict
                && source.to_string().contains("unsupported startup parameter")
            {
                return Err(OpenError::Pooler { database: self.to_string(), source: source.into() });
            }
        }
        Ok(())
    }

    /// Looks again soon, in a task of its own.
    pub(super) fn ask_soon(&self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(hosts, _) => hosts.ask_soon(),
            Self::MySql(hosts, _) => hosts.ask_soon(),
        }
    }

    /// Changes when connections made before must not be used any more.
    pub(super) fn edition(&self) -> u64 {
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(hosts, _) => hosts.edition(),
            Self::MySql(hosts, _) => hosts.edition(),
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

/// What a server answered, for people.
fn plainly(server: &str, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Writes => format!("{server} takes writes"),
        Verdict::OnlyReads => format!("{server} only reads (a replica or a demoted primary)"),
        Verdict::Pooled => format!("{server} shares sessions"),
        Verdict::Failed(_) => format!("{server} could not be asked"),
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
    fn several_servers_are_named_in_one_address() {
        let target = Target::parse(
            "postgres://ann:s3cret@one:5433,[::1]:5434,three/packages?target_session_attrs=read-write&sslmode=disable",
        );
        let target = target.unwrap();
        let Target::Postgres(hosts, _) = &target else { panic!("{target:?}") };
        assert_eq!(format!("{hosts:?}"), r#"["one:5433", "[::1]:5434", "three"]"#);
        assert_eq!(hosts.chosen().map(|one| (one.get_host(), one.get_port())), Some(("one", 5433)));
        assert!(!format!("{target}").contains("s3cret"));
        let target = Target::parse("mysql://ann:s3cret@one:3307,two/packages").unwrap();
        let Target::MySql(hosts, _) = &target else { panic!("{target:?}") };
        assert_eq!(format!("{hosts:?}"), r#"["one:3307", "two"]"#);
    }

    #[test]
    fn addresses_that_could_only_fail_later_are_refused_with_what_is_wrong() {
        for (address, wrong) in [
            ("postgres://a:s3cret@one,,two/x", "no name"),
            ("postgres://a:s3cret@one:5432,:5433/x", "no name"),
            ("postgres://a:s3cret@one:port,two/x", "does not understand"),
            ("postgres://a:s3cret@one,two/x?target_session_attrs=standby", "target_session_attrs"),
            ("postgres://a:s3cret@one/x?host=one,two", "before the database"),
            ("postgres://a:s3cret@one,two", "names no database"),
        ] {
            let error = Target::parse(address).unwrap_err().to_string();
            assert!(error.contains(wrong) && !error.contains("s3cret"), "{address}: {error}");
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
