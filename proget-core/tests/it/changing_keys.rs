//! Which key seals is changed by administrators only, by one of two at a time, and the journal says so.

use crate::stand::{Stand, who_may};
use proget_core::Problem;
use proget_core::access::{Permissions, Principal};
use proget_core::catalog::{Instance as _, Journal as _, PageRequest};
use proget_core::keys::{Admission, EncryptionKey, KeyChange, KeyRing, KeySettings, admit};

async fn begins(stand: &Stand, ring: &KeyRing) -> Option<KeyChange> {
    let settings = KeySettings::read(&stand.memory.settings().await.unwrap()).unwrap();
    let installation = stand.memory.instance().await.unwrap().installation;
    match admit(Some(ring), &settings, installation).unwrap() {
        Admission::Begin(change) => Some(change),
        _ => None,
    }
}

#[tokio::test]
async fn the_key_that_seals_is_changed_by_one_administrator_at_a_time() {
    let stand = Stand::new().await;
    let ring = KeyRing::new(vec![EncryptionKey::generate().unwrap()]).unwrap();
    let change = begins(&stand, &ring).await.unwrap();
    let nobody = stand.registry.change_keys(&who_may(Permissions::ALL), change.clone()).await;
    assert!(matches!(nobody, Err(Problem::Forbidden(_))), "{nobody:?}");
    assert!(begins(&stand, &ring).await.is_some(), "what was refused has changed something");
    stand.registry.change_keys(&Principal::system(), change.clone()).await.unwrap();
    assert!(begins(&stand, &ring).await.is_none());
    let late = stand.registry.change_keys(&Principal::system(), change).await;
    assert!(matches!(late, Err(Problem::Changed(_))), "{late:?}");
    let entries = stand.memory.journal(&PageRequest::first(10)).await.unwrap().rows;
    let told = format!("the key {} seals", ring.fingerprints()[0]);
    assert!(entries.iter().any(|entry| entry.entry.subject == told), "{entries:?}");
}
