//! Figures about the seams: calls to catalogue and package store, how they went, how long they
//! took, and how many bytes went in and out. Whoever is told of commits gives hints about them, too.

pub(crate) mod list;

use crate::cluster::tell;
use list::{CATALOG_CALL, CATALOG_CALLS, FENCED, STORE_CALL, STORE_CALLS, STORE_GET, STORE_PUT};
use metrics::{counter, histogram};
use proget_cluster::messenger::LateMessenger;
use proget_core::watch::{Seam, Touched, Watcher, Went};
use std::time::Duration;

/// Hands what it is told to the process's metrics recorder, and to the messenger what others may wait for.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// Where hints go once it has begun.
    pub(crate) messenger: LateMessenger,
}

impl Watcher for Figures {
    fn called(&self, seam: Seam, call: &'static str, went: Went, took: Duration) {
        let outcome = match went {
            Went::Well => "ok",
            Went::Refused => "refused",
            Went::Fenced => "fenced",
            Went::Away => "unavailable",
            Went::Failed => "failed",
        };
        match seam {
            Seam::Catalog => {
                if went == Went::Fenced {
                    counter!(FENCED).increment(1);
                }
                counter!(CATALOG_CALLS, "call" => call, "outcome" => outcome).increment(1);
                histogram!(CATALOG_CALL, "call" => call).record(took);
            }
            Seam::Store => {
                counter!(STORE_CALLS, "call" => call, "outcome" => outcome).increment(1);
                histogram!(STORE_CALL, "call" => call).record(took);
            }
        }
    }

    fn stored(&self, bytes: u64) {
        counter!(STORE_PUT).increment(bytes);
    }

    fn fetched(&self, bytes: u64) {
        counter!(STORE_GET).increment(bytes);
    }

    fn committed(&self, touched: &Touched) {
        tell(&self.messenger, touched);
    }
}
