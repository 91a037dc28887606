//! Blobs: reserving, and what is known of them.

use super::bench::{Bench, LONG};
use crate::catalog::{BlobChange, BlobState, BlobWanted};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use crate::feed::StoreName;
use std::thread;
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case<Bench>] = cases![
    a_reservation_makes_an_arriving_row_with_the_fresh_key,
    a_second_reservation_finds_the_row_and_its_key,
    a_longer_reservation_stays,
    a_reservation_runs_out_by_the_catalogues_clock,
    reservations_come_back_in_the_order_of_their_set,
    stores_are_kept_apart,
    blobs_are_listed_by_row_and_by_state,
    a_set_may_reserve_and_be_refused_as_a_whole,
];

async fn a_reservation_makes_an_arriving_row_with_the_fresh_key(bench: Bench) {
    let (store, fresh) = (sample::store(), sample::blob_key("bytes"));
    assert_eq!(bench.blob(&store, &fresh.digest).await.unwrap(), None);
    let size = u64::from(u32::MAX) * 100;
    let reserve = BlobChange::Reserve { store: store.clone(), fresh, size, hold: LONG };
    let reserved = bench.change(reserve).await.reserved.remove(0);
    assert_eq!((reserved.state, reserved.key, reserved.size), (BlobState::Arriving, fresh, size));
    assert_eq!((&reserved.store, reserved.reserved, reserved.references), (&store, true, 0));
    assert_eq!(bench.blob(&store, &fresh.digest).await.unwrap(), Some(reserved));
}

async fn a_second_reservation_finds_the_row_and_its_key(bench: Bench) {
    let first = bench.reserve("bytes", LONG).await;
    let second = bench.reserve("bytes", LONG).await;
    assert_eq!(
        (second.id, second.key),
        (first.id, first.key),
        "the fresh key is used only if there is no row"
    );
    assert!(second.touched > first.touched, "each reservation touches the row");
    let other = bench.reserve("other bytes", LONG).await;
    assert_ne!(other.id, first.id);
}

async fn a_longer_reservation_stays(bench: Bench) {
    assert!(bench.reserve("bytes", LONG).await.reserved);
    assert!(bench.reserve("bytes", Duration::ZERO).await.reserved, "a shorter one cuts a longer one");
    assert!(!bench.reserve("other", Duration::ZERO).await.reserved, "a reservation for no time at all runs");
    assert!(bench.reserve("other", LONG).await.reserved, "a reservation is extended");
}

async fn a_reservation_runs_out_by_the_catalogues_clock(bench: Bench) {
    let hold = Duration::from_millis(400);
    let reserved = bench.reserve("bytes", hold).await;
    let begun = Instant::now();
    let digest = reserved.key.digest;
    while bench.blob(&sample::store(), &digest).await.unwrap().unwrap().reserved {
        assert!(begun.elapsed() < Duration::from_secs(20), "a reservation of {hold:?} does not run out");
        // The suite knows no timer; a few milliseconds of a blocked thread harm no test.
        thread::sleep(Duration::from_millis(5));
    }
    assert!(begun.elapsed() > hold / 4, "a reservation of {hold:?} ran out after {:?}", begun.elapsed());
}

async fn reservations_come_back_in_the_order_of_their_set(bench: Bench) {
    let texts = ["c", "a", "b", "a"];
    let mut both = set();
    for text in texts {
        let (store, fresh) = (sample::store(), sample::blob_key(text));
        both = both.with(BlobChange::Reserve { store, fresh, size: 1, hold: LONG });
    }
    let rows = bench.done(both).await.reserved;
    let digests: Vec<_> = rows.iter().map(|row| row.key.digest).collect();
    let expected: Vec<_> = texts.iter().map(|text| sample::blob_key(text).digest).collect();
    assert_eq!(digests, expected);
    assert_eq!(rows[1].id, rows[3].id, "the same digest twice is one row");
}

async fn stores_are_kept_apart(bench: Bench) {
    let first = bench.reserve("bytes", LONG).await;
    let (store, fresh) = (StoreName::new("second").unwrap(), sample::blob_key("bytes"));
    let reserve = BlobChange::Reserve { store: store.clone(), fresh, size: 5, hold: LONG };
    let second = bench.change(reserve).await.reserved.remove(0);
    assert_ne!(
        (second.id, second.key),
        (first.id, first.key),
        "the same digest in another store is another blob"
    );
    let strays = bench.strays(&store, &[first.key, second.key]).await.unwrap();
    assert_eq!(strays, [first.key], "a key of one store is a stray in another");
}

async fn blobs_are_listed_by_row_and_by_state(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let abandoned = bench.reserve("abandoned", Duration::ZERO).await.id;
    let arriving = bench.reserve("arriving", LONG).await.id;
    let mut live = Vec::new();
    for (package, hold) in
        [("unreferenced", Duration::ZERO), ("referenced", Duration::ZERO), ("reserved", LONG)]
    {
        let blob = bench.reserve(package, hold).await;
        bench.add(sample::new_file(feed, package, "1.0.0", package, &blob)).await;
        live.push(blob.id);
    }
    for package in ["unreferenced", "reserved"] {
        bench.change(crate::catalog::PackageChange::RemovePackage(feed, sample::name(package))).await;
    }
    let ids = |wanted, after, limit| {
        let bench = bench.clone();
        async move {
            let rows = bench.blobs(wanted, after, limit).await.unwrap();
            rows.iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(BlobWanted::Abandoned, None, 9).await, [abandoned]);
    assert_eq!(ids(BlobWanted::Unreferenced, None, 9).await, [live[0]], "neither referenced nor reserved");
    assert_eq!(ids(BlobWanted::Condemned, None, 9).await, []);
    let all = ids(BlobWanted::All, None, 9).await;
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted() && all.contains(&arriving), "all of them, by row");
    assert_eq!(ids(BlobWanted::All, None, 2).await, all[..2]);
    assert_eq!(ids(BlobWanted::All, Some(all[1]), 9).await, all[2..], "those after a row");
    let rows = bench.blobs(BlobWanted::All, None, 9).await.unwrap();
    for row in rows {
        let read = bench.blob(&row.store, &row.key.digest).await.unwrap();
        assert_eq!(read, Some(row), "a list and a single look agree");
    }
}

async fn a_set_may_reserve_and_be_refused_as_a_whole(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let (store, fresh) = (sample::store(), sample::blob_key("bytes"));
    let half = set()
        .with(BlobChange::Reserve { store, fresh, size: 5, hold: LONG })
        .with(crate::catalog::PackageChange::RemovePackage(feed, sample::name("absent")));
    bench.refused(half, crate::catalog::Conflict::Absent, "a reservation in a set that is refused").await;
}
