//! An address taken apart by hand, because a URL has one host only and ours may have several.

use super::error::OpenError;
use super::hosts::Host;
use std::str::FromStr;

/// The parts of an address, as they were written.
pub(super) struct Address<'a> {
    user: &'a str,
    pub(super) hosts: Vec<&'a str>,
    pub(super) database: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Address<'a> {
    /// Nothing, if it has no host.
    pub(super) fn of(address: &'a str) -> Option<Self> {
        let (_, rest) = address.split_once("://")?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, database) = place.split_once('/').unwrap_or((place, ""));
        let (user, hosts) = place.rsplit_once('@').unwrap_or(("", place));
        Some(Self { user, hosts: hosts.split(',').collect(), database: database.trim_matches('/'), query })
    }

    /// The address of each server, as its driver reads it.
    pub(super) fn each<O: FromStr>(&self, scheme: &str, otherwise: &str) -> Result<Vec<Host<O>>, OpenError> {
        let own = |part: &&str| !part.starts_with("target_session_attrs=") && !part.is_empty();
        let query = self.query.split('&').filter(own).collect::<Vec<_>>().join("&");
        let at = if self.user.is_empty() { "" } else { "@" };
        let host = |host: &&str| {
            // Never the parser's own words: they might repeat the address with its password.
            let bad = || OpenError::BadUrl { reason: otherwise.to_owned() };
            let one = format!("{scheme}://{}{at}{host}/{}?{query}", self.user, self.database);
            let one = one.trim_end_matches('?');
            url::Url::parse(one).map_err(|_| bad())?;
            Ok(Host { name: (*host).to_owned(), connect: one.parse().map_err(|_| bad())? })
        };
        self.hosts.iter().map(host).collect()
    }
}
