//! Texts with units, sizes and lengths of time, in whole numbers only, so that nothing is rounded; and
//! addresses of databases; and words that stand for who may do something.

use super::list as setting;
use crate::accounts::{KeyText, PasswordError};
use crate::routes::MetricsAccess;
use crate::stale::StaleReaders;
use proget_core::access::Secret;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Where roles are kept, if not in the database.
#[cfg(feature = "etcd")]
pub(crate) type ElectionAddress = proget_cluster::election::EtcdAddress;
/// Where roles are kept, if not in the database: this build knows no other place.
#[cfg(not(feature = "etcd"))]
pub(crate) type ElectionAddress = std::convert::Infallible;

const SIZES: &[(&str, u64)] =
    &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1), ("", 1)];

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// `4096`, `64KiB`, `16GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    with_unit(text, SIZES).ok_or_else(|| "expected bytes such as 4096, 64KiB, 1MiB or 16GiB".to_owned())
}

/// `500ms`, `10s`, `2m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    with_unit(text, TIMES)
        .map(Duration::from_millis)
        .ok_or_else(|| "expected a length of time such as 500ms, 10s, 2m or 1h".to_owned())
}

/// Only the scheme is looked at: what follows is understood where the database is opened.
pub(super) fn database_url(text: &str) -> Result<Secret, String> {
    let known = ["sqlite:", "postgres:", "postgresql:", "mysql:", "mariadb:"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(Secret::new(text));
    }
    Err(format!("expected {}", setting::DATABASE_URL.about))
}

/// `etcd://…`.
#[cfg(feature = "etcd")]
pub(super) fn election_url(text: &str) -> Result<ElectionAddress, String> {
    text.parse().map_err(|error: proget_cluster::election::BadEtcdAddress| error.to_string())
}

/// There is no other place than the database.
#[cfg(not(feature = "etcd"))]
pub(super) fn election_url(_: &str) -> Result<ElectionAddress, String> {
    Err(format!("this program was built without etcd; leave {} out", setting::ELECTION_URL.name))
}

/// Who may read `/metrics`.
pub(super) fn metrics_access(text: &str) -> Result<MetricsAccess, String> {
    match text {
        "administrators" => Ok(MetricsAccess::Administrators),
        "everybody" => Ok(MetricsAccess::Everybody),
        _ => Err("expected administrators or everybody".to_owned()),
    }
}

/// Who may read while the database cannot be reached.
pub(super) fn stale_readers(text: &str) -> Result<StaleReaders, String> {
    match text {
        "known" => Ok(StaleReaders::Known),
        "anonymous" => Ok(StaleReaders::Anonymous),
        "off" => Ok(StaleReaders::Nobody),
        _ => Err("expected known, anonymous or off".to_owned()),
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

pub(super) fn password(text: &str) -> Result<Secret, String> {
    if (PasswordError::MIN_BYTES..=PasswordError::MAX_BYTES).contains(&text.len()) {
        return Ok(Secret::new(text));
    }
    Err(PasswordError::Length.to_string())
}

pub(super) fn key_text(text: &str) -> Result<KeyText, String> {
    KeyText::chosen(text).map_err(|refusal| format!("a key {}", refusal.rule))
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|_| {
        "expected a level (error, warn, info, debug, trace) or a list such as info,proget_server=debug"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_need_a_number_and_a_known_unit() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("16GiB"), Ok(16 << 30));
        assert_eq!(size("64 kib"), Ok(64 << 10));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "GiB", "1GB", "1.5GiB", "-1", "99999999999TiB", "1 2"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "10", "s", "10 parsecs"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
