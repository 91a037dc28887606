//! Figures about the seams: calls to catalogue and package store, how they went, how long they
//! took, and how many bytes went in and out.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use proget_core::watch::{Seam, Watcher, Went};
use std::time::Duration;

/// Hands what it is told to the process's metrics recorder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures;

impl Figures {
    /// Says what the figures are; needed once per recorder, harmless more often.
    pub(crate) fn describe() {
        describe_counter!("catalog_calls_total", Unit::Count, "calls to the catalogue by call and outcome");
        describe_histogram!("catalog_call_seconds", Unit::Seconds, "how long calls to the catalogue took");
        describe_counter!("store_calls_total", Unit::Count, "calls to package stores by call and outcome");
        describe_histogram!("store_call_seconds", Unit::Seconds, "how long calls to package stores took");
        describe_counter!("store_put_bytes_total", Unit::Bytes, "bytes put into package stores");
        describe_counter!("store_get_bytes_total", Unit::Bytes, "bytes asked of package stores");
    }
}

impl Watcher for Figures {
    fn called(&self, seam: Seam, call: &'static str, went: Went, took: Duration) {
        let outcome = match went {
            Went::Well => "ok",
            Went::Refused => "refused",
            Went::Away => "unavailable",
            Went::Failed => "failed",
        };
        match seam {
            Seam::Catalog => {
                counter!("catalog_calls_total", "call" => call, "outcome" => outcome).increment(1);
                histogram!("catalog_call_seconds", "call" => call).record(took);
            }
            Seam::Store => {
                counter!("store_calls_total", "call" => call, "outcome" => outcome).increment(1);
                histogram!("store_call_seconds", "call" => call).record(took);
            }
        }
    }

    fn stored(&self, bytes: u64) {
        counter!("store_put_bytes_total").increment(bytes);
    }

    fn fetched(&self, bytes: u64) {
        counter!("store_get_bytes_total").increment(bytes);
    }
}
