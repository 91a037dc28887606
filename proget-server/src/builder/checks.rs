//! What can be found wrong before anything is asked or started.

use super::ServerBuilder;
use super::complaint::{Complaint, complain};
use crate::http::ListenAddress;
use crate::routes::RESERVED;
use proget_core::blob::PackageStore;
use proget_core::feed::{FeedName, FormatId};
use proget_core::problem::chain;
use proget_feeds::http::FeedProtocol;
use std::sync::Arc;

impl ServerBuilder {
    pub(super) fn check_feed_types(&self, complaints: &mut Vec<Complaint>) {
        if self.feed_types.is_empty() {
            let hint = "add one with `feed_type`, or switch on a feature such as `npm`";
            complain(complaints, "there is no feed type", hint);
        }
        for (at, protocol) in self.feed_types.iter().enumerate() {
            let (mount, format) = (protocol.mount(), protocol.format().id());
            let twice =
                |other: &&Arc<dyn FeedProtocol>| other.mount() == mount || other.format().id() == format;
            if let Some(other) = self.feed_types[..at].iter().find(twice) {
                let what = format!(
                    "feed type {format} at /{mount} meets feed type {} at /{}",
                    other.format().id(),
                    other.mount()
                );
                complain(complaints, what, "give each feed type an identifier and a mount of its own");
            }
            if mount.is_empty() || mount.contains('/') || RESERVED.contains(&mount) {
                let what = format!("feed type {format} cannot be mounted at '/{mount}'");
                let hint = format!("use one path segment other than {}", RESERVED.join(", "));
                complain(complaints, what, hint);
            }
        }
        let path = self.addressing.public_url.as_ref().map_or("", |url| url.path());
        let first = path.split('/').nth(1).unwrap_or_default();
        if RESERVED.contains(&first) || self.feed_types.iter().any(|one| one.mount() == first) {
            let what = format!("the public URL's path {path} begins like one of the server's own addresses");
            complain(complaints, what, "choose another path, for example /packages");
        }
    }

    pub(super) fn checked_addresses(&self, complaints: &mut Vec<Complaint>) -> Vec<ListenAddress> {
        let parsed = self.listen.iter().filter_map(|text| match text.parse() {
            Ok(address) => Some(address),
            Err(error) => {
                complain(complaints, format!("{error}"), "correct the address");
                None
            }
        });
        parsed.collect()
    }

    pub(super) fn checked_tls(&self, complaints: &mut Vec<Complaint>) -> Option<tokio_rustls::TlsAcceptor> {
        match self.tls.as_ref()?.load() {
            Ok(acceptor) => Some(acceptor),
            Err(error) => {
                complain(
                    complaints,
                    chain(&error),
                    "give a PEM file with the certificates and one with the key",
                );
                None
            }
        }
    }

    pub(super) fn checked_feeds(&self, complaints: &mut Vec<Complaint>) -> Vec<(FeedName, FormatId)> {
        let mut feeds = Vec::new();
        for (name, format) in &self.feeds {
            let id = FormatId::new(format.to_ascii_lowercase());
            let known =
                id.as_ref().is_ok_and(|id| self.feed_types.iter().any(|one| one.format().id() == *id));
            match (FeedName::new(name.as_str()), id) {
                (Ok(name), Ok(id)) if known => feeds.push((name, id)),
                (Err(refusal), _) => {
                    complain(
                        complaints,
                        format!("'{name}' cannot name a feed: {refusal}"),
                        "choose another name",
                    );
                }
                _ => complain(
                    complaints,
                    format!("feed '{name}' is of type '{format}', which this server has not"),
                    "add the type with `feed_type`, or correct it",
                ),
            }
        }
        feeds
    }

    pub(super) fn checked_packages(&mut self, complaints: &mut Vec<Complaint>) -> Option<PackageStore> {
        match (self.packages.take(), self.package_store.take()) {
            (Some((store, staging)), None) => Some(PackageStore::new(store, staging, self.intake)),
            (None, Some(packages)) => Some(packages),
            (None, None) => {
                complain(
                    complaints,
                    "there is no package store",
                    "give one with `packages`, for example LocalStore",
                );
                None
            }
            (Some(_), Some(_)) => {
                complain(complaints, "there are two package stores", "give `packages` or `package_store`");
                None
            }
        }
    }
}
