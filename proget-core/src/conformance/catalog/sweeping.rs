//! Sweeping: condemning, dooming, deleting, and how a publish in flight is never robbed.

use super::bench::{Bench, LONG, add};
use crate::catalog::{
    BlobChange, BlobRow, BlobState, BlobWanted, CatalogError, Conflict, Fence, PackageChange,
};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    an_unreferenced_blob_is_condemned_doomed_and_forgotten,
    an_abandoned_upload_is_doomed_at_once,
    a_reserved_blob_is_neither_condemned_nor_doomed,
    a_touched_blob_is_neither_condemned_nor_doomed,
    a_referenced_blob_is_never_doomed,
    a_live_blob_is_not_doomed_uncondemned,
    a_reservation_revives_the_condemned,
    a_publish_revives_the_condemned,
    a_publish_that_comes_after_the_doom_is_told_so,
    bytes_that_come_back_get_another_key,
    a_stray_is_doomed_unless_a_blob_names_it,
    strays_are_the_keys_that_nothing_names,
    doomed_keys_ripen,
];

/// A live blob that nobody refers to or has reserved, as the sweep reads it.
async fn unreferenced(bench: &Bench, text: &str) -> BlobRow {
    let feed = match bench.feed(&sample::feed_name("npm")).await.unwrap() {
        Some(feed) => feed.id,
        None => bench.feed_called("npm").await.id,
    };
    let blob = bench.reserve(text, Duration::ZERO).await;
    bench.add(sample::new_file(feed, text, "1.0.0", text, &blob)).await;
    bench.change(PackageChange::RemovePackage(feed, sample::name(text))).await;
    read(bench, &blob).await
}

async fn read(bench: &Bench, blob: &BlobRow) -> BlobRow {
    bench.blob(&blob.store, &blob.key.digest).await.unwrap().expect("the blob's row must be there")
}

fn condemn(blob: &BlobRow) -> BlobChange {
    BlobChange::Condemn { id: blob.id, touched: blob.touched }
}

fn doom(blob: &BlobRow) -> BlobChange {
    BlobChange::Doom { id: blob.id, touched: blob.touched }
}

async fn spared(bench: &Bench, fence: Fence, change: BlobChange, promise: &str) {
    bench.refused(set().fenced(fence).with(change), Conflict::BlobTouched, promise).await;
}

async fn an_unreferenced_blob_is_condemned_doomed_and_forgotten(bench: Bench) {
    let (fence, blob) = (bench.fence().await, unreferenced(&bench, "a").await);
    bench.done(set().fenced(fence).with(condemn(&blob))).await;
    let condemned = bench.blobs(BlobWanted::Condemned, None, 9).await.unwrap();
    assert_eq!((condemned.len(), condemned[0].id), (1, blob.id));
    assert_eq!(condemned[0].state, BlobState::Condemned);
    bench.done(set().fenced(fence).with(doom(&condemned[0]))).await;
    assert_eq!(bench.blob(&blob.store, &blob.key.digest).await.unwrap(), None, "a doomed blob has no row");
    let doomed = bench.doomed(&blob.store, Duration::ZERO, 9).await.unwrap();
    assert_eq!((doomed.len(), doomed[0].key, &doomed[0].store), (1, blob.key, &blob.store));
    for _ in 0..2 {
        // The second time there is nothing to forget, and that is fine.
        let forget = BlobChange::Forget { store: blob.store.clone(), key: blob.key };
        bench.done(set().fenced(fence).with(forget)).await;
        assert_eq!(bench.doomed(&blob.store, Duration::ZERO, 9).await.unwrap(), []);
    }
}

async fn an_abandoned_upload_is_doomed_at_once(bench: Bench) {
    let (fence, blob) = (bench.fence().await, bench.reserve("a", Duration::ZERO).await);
    spared(&bench, fence, condemn(&blob), "only live blobs are condemned").await;
    bench.done(set().fenced(fence).with(doom(&blob))).await;
    assert_eq!(bench.doomed(&blob.store, Duration::ZERO, 9).await.unwrap()[0].key, blob.key);
}

async fn a_reserved_blob_is_neither_condemned_nor_doomed(bench: Bench) {
    let (fence, live) = (bench.fence().await, unreferenced(&bench, "live").await);
    bench.reserve("live", LONG).await;
    spared(&bench, fence, condemn(&read(&bench, &live).await), "a reserved live blob").await;
    let arriving = bench.reserve("arriving", LONG).await;
    spared(&bench, fence, doom(&arriving), "a reserved arriving blob").await;
}

async fn a_touched_blob_is_neither_condemned_nor_doomed(bench: Bench) {
    let (fence, live) = (bench.fence().await, unreferenced(&bench, "live").await);
    bench.reserve("live", Duration::ZERO).await;
    spared(&bench, fence, condemn(&live), "a blob reserved after it was read").await;
    let arriving = bench.reserve("arriving", Duration::ZERO).await;
    bench.reserve("arriving", Duration::ZERO).await;
    spared(&bench, fence, doom(&arriving), "an upload begun again after it was read").await;
    let gone = BlobRow { id: crate::ids::BlobId(live.id.0 + 1_000_000), ..live };
    spared(&bench, fence, doom(&gone), "a row that is not there").await;
    spared(&bench, fence, condemn(&gone), "a row that is not there").await;
}

async fn a_referenced_blob_is_never_doomed(bench: Bench) {
    let fence = bench.fence().await;
    let feed = bench.feed_called("npm").await.id;
    let blob = bench.reserve("bytes", Duration::ZERO).await;
    bench.add(sample::new_file(feed, "a", "1.0.0", "bytes", &blob)).await;
    let live = read(&bench, &blob).await;
    spared(&bench, fence, doom(&live), "a live blob").await;
    // No sweep condemns what is referred to; should one do it all the same, the reference decides.
    match bench.commit(set().fenced(fence).with(condemn(&live))).await {
        Ok(_) => {
            let condemned = read(&bench, &blob).await;
            spared(&bench, fence, doom(&condemned), "a condemned blob that a file refers to").await;
        }
        Err(CatalogError::Conflict(Conflict::BlobTouched)) => {}
        Err(error) => panic!("condemning a referenced blob: {error:?}"),
    }
    assert_eq!(bench.package(feed, "a").await.versions[0].files[0].key, blob.key);
}

async fn a_live_blob_is_not_doomed_uncondemned(bench: Bench) {
    let (fence, blob) = (bench.fence().await, unreferenced(&bench, "a").await);
    spared(&bench, fence, doom(&blob), "dooming skips condemning").await;
}

async fn a_reservation_revives_the_condemned(bench: Bench) {
    let (fence, blob) = (bench.fence().await, unreferenced(&bench, "a").await);
    bench.done(set().fenced(fence).with(condemn(&blob))).await;
    let condemned = read(&bench, &blob).await;
    let revived = bench.reserve("a", Duration::ZERO).await;
    assert_eq!((revived.id, revived.key, revived.state), (blob.id, blob.key, BlobState::Live));
    spared(&bench, fence, doom(&condemned), "a blob revived after it was read").await;
}

async fn a_publish_revives_the_condemned(bench: Bench) {
    let fence = bench.fence().await;
    let blob = unreferenced(&bench, "a").await;
    // Reserved, but so slow that the reservation ran out and the sweep came by.
    let slow = bench.reserve("a", Duration::ZERO).await;
    bench.done(set().fenced(fence).with(condemn(&read(&bench, &blob).await))).await;
    let condemned = read(&bench, &blob).await;
    let feed = bench.feed(&sample::feed_name("npm")).await.unwrap().unwrap().id;
    bench.add(sample::new_file(feed, "a", "1.0.0", "a", &slow)).await;
    let live = read(&bench, &blob).await;
    assert_eq!((live.state, live.references), (BlobState::Live, 1));
    spared(&bench, fence, doom(&condemned), "a blob published after it was condemned").await;
}

async fn a_publish_that_comes_after_the_doom_is_told_so(bench: Bench) {
    let fence = bench.fence().await;
    let feed = bench.feed_called("npm").await.id;
    let slow = bench.reserve("a", Duration::ZERO).await;
    bench.done(set().fenced(fence).with(doom(&slow))).await;
    let file = sample::new_file(feed, "a", "1.0.0", "a", &slow);
    bench.refused(set().with(add(file)), Conflict::BlobGone, "publishing a blob that was doomed").await;
    let again = bench.reserve("a", LONG).await;
    let old = sample::new_file(feed, "a", "1.0.0", "a", &BlobRow { key: slow.key, ..again.clone() });
    bench.refused(set().with(add(old)), Conflict::BlobGone, "bytes put under the doomed key").await;
    bench.add(sample::new_file(feed, "a", "1.0.0", "a", &again)).await;
}

async fn bytes_that_come_back_get_another_key(bench: Bench) {
    let fence = bench.fence().await;
    let first = bench.reserve("a", Duration::ZERO).await;
    bench.done(set().fenced(fence).with(doom(&first))).await;
    let second = bench.reserve("a", LONG).await;
    assert_eq!(second.key.digest, first.key.digest);
    assert_ne!(second.key, first.key, "a doomed key never lives again");
    assert_ne!(second.id, first.id, "a row number is never used twice");
    assert!(
        bench.is_ripe(&first.store, &first.key, Duration::ZERO).await.unwrap(),
        "the old key stays doomed"
    );
}

async fn a_stray_is_doomed_unless_a_blob_names_it(bench: Bench) {
    let fence = bench.fence().await;
    let (store, stray) = (sample::store(), sample::blob_key("stray"));
    let known = bench.reserve("known", Duration::ZERO).await;
    let of_blob = BlobChange::DoomStray { store: store.clone(), key: known.key };
    spared(&bench, fence, of_blob, "a key that a blob row names").await;
    let older = sample::blob_key("known");
    for key in [stray, older, stray] {
        // An older generation of known bytes is a stray too; a stray found twice is doomed once.
        bench.done(set().fenced(fence).with(BlobChange::DoomStray { store: store.clone(), key })).await;
    }
    let doomed = bench.doomed(&store, Duration::ZERO, 9).await.unwrap();
    assert_eq!(doomed.len(), 2);
    assert!([stray, older].iter().all(|key| doomed.iter().any(|row| row.key == *key)));
}

async fn strays_are_the_keys_that_nothing_names(bench: Bench) {
    let fence = bench.fence().await;
    let arriving = bench.reserve("arriving", LONG).await;
    let doomed = sample::blob_key("doomed");
    let store = sample::store();
    bench.done(set().fenced(fence).with(BlobChange::DoomStray { store: store.clone(), key: doomed })).await;
    let mut keys: Vec<_> = (0..300).map(|number| sample::blob_key(&format!("stray {number}"))).collect();
    let expected = keys.clone();
    keys.extend([arriving.key, doomed]);
    let mut strays = bench.strays(&store, &keys).await.unwrap();
    strays.sort();
    let mut expected = expected;
    expected.sort();
    assert_eq!(strays, expected);
    assert_eq!(bench.strays(&store, &[]).await.unwrap(), []);
}

async fn doomed_keys_ripen(bench: Bench) {
    let fence = bench.fence().await;
    let store = sample::store();
    let keys: Vec<_> = (0..3).map(|number| sample::blob_key(&number.to_string())).collect();
    let before = bench.instance().await.unwrap().now;
    for key in &keys {
        bench.done(set().fenced(fence).with(BlobChange::DoomStray { store: store.clone(), key: *key })).await;
    }
    let after = bench.instance().await.unwrap().now;
    for row in bench.doomed(&store, Duration::ZERO, 9).await.unwrap() {
        assert!(row.ripe, "without a delay all are ripe");
        assert!(before <= row.at && row.at <= after, "the time is the catalogue's own");
    }
    let waiting = bench.doomed(&store, LONG, 9).await.unwrap();
    assert!(waiting.len() == 3 && waiting.iter().all(|row| !row.ripe), "within the delay none is ripe");
    assert!(waiting.is_sorted_by_key(|row| row.at), "oldest first");
    assert_eq!(bench.doomed(&store, LONG, 2).await.unwrap().len(), 2, "no more than were asked for");
    assert!(bench.is_ripe(&store, &keys[0], Duration::ZERO).await.unwrap());
    assert!(!bench.is_ripe(&store, &keys[0], LONG).await.unwrap());
    assert!(
        !bench.is_ripe(&store, &sample::blob_key("0"), Duration::ZERO).await.unwrap(),
        "not doomed, not ripe"
    );
}
