//! The suite of the seam, on every database.

#![allow(clippy::expect_used)] // a factory has no other way to say that it cannot work

use std::sync::{Arc, Mutex};

use proget_core::catalog::Catalog;
use proget_core::conformance::{self, Tasks};
use proget_tests::Outcome;

use super::place::{Kind, Place, on_every_database};

on_every_database!(the_catalogue_keeps_every_promise);

async fn the_catalogue_keeps_every_promise(kind: Kind) -> Outcome {
    // Places outlive the cases that work in them.
    let places = Mutex::new(Vec::new());
    let fresh = || async {
        let place = Place::fresh(kind).await.expect("a fresh database");
        let catalog: Arc<dyn Catalog> = place.open().await.expect("a catalogue in it");
        places.lock().expect("no case has panicked in here").push(place);
        catalog
    };
    conformance::catalog(fresh, Tasks::spawned(|task| drop(tokio::spawn(task)))).await;
    Ok(())
}
