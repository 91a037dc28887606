//! The judgements about rings: who may take part, what may be promoted, what may go. The changes they
//! hand out are committed to a catalogue in memory, so that the races are real ones.

use super::*;
use crate::access::Actor;
use crate::catalog::{Catalog as _, CatalogError, Change, ChangeSet, Conflict, Instance as _};
use crate::memory::MemoryCatalog;
use std::collections::BTreeMap;

const INSTALLATION: Uuid = Uuid::from_u128(7);

fn node(name: &str, keys: &[Fingerprint]) -> NodeKeys {
    NodeKeys { node: NodeName::new(name).unwrap(), keys: keys.to_vec(), here: true }
}

async fn settings(catalog: &MemoryCatalog) -> KeySettings {
    KeySettings::read(&catalog.settings().await.unwrap()).unwrap()
}

async fn commit(catalog: &MemoryCatalog, change: KeyChange) -> Result<(), CatalogError> {
    let mut set = ChangeSet::by(Actor("test".into())).expect(change.expect);
    set.changes.extend(change.changes.map(Change::from));
    catalog.commit(set).await.map(|_| ())
}

fn begins(ring: &KeyRing, settings: &KeySettings) -> KeyChange {
    match admit(Some(ring), settings, INSTALLATION) {
        Ok(Admission::Begin(change)) => change,
        other => panic!("it should begin: {other:?}"),
    }
}

#[tokio::test]
async fn the_first_key_seals_and_of_two_who_begin_at_once_with_different_keys_one_is_refused() {
    let catalog = MemoryCatalog::default();
    let (one, two) = (new_ring(2), new_ring(1));
    let none = settings(&catalog).await;
    let (first, second) = (begins(&one, &none), begins(&two, &none));
    commit(&catalog, first).await.unwrap();
    let late = commit(&catalog, second).await;
    assert!(matches!(late, Err(CatalogError::Conflict(Conflict::InstanceChanged))), "{late:?}");
    let now = settings(&catalog).await;
    let key = one.fingerprints()[0];
    assert_eq!(now.sealing, Some(key));
    assert!(matches!(admit(Some(&one), &now, INSTALLATION), Ok(Admission::InSync(found)) if found == key));
    let Err(Misfit::OtherKey { needed, have }) = admit(Some(&two), &now, INSTALLATION) else { panic!() };
    assert_eq!((needed, have), (key, two.fingerprints()[0].to_string()));
    assert_eq!(admit(None, &now, INSTALLATION).unwrap_err(), Misfit::NoKey(key));
    assert!(matches!(admit(None, &none, INSTALLATION), Ok(Admission::Keyless)));
}

#[tokio::test]
async fn the_canary_finds_settings_of_another_instance_and_is_made_anew_when_lost() {
    let catalog = MemoryCatalog::default();
    let ring = new_ring(2);
    let change = begins(&ring, &settings(&catalog).await);
    commit(&catalog, change).await.unwrap();
    let good = settings(&catalog).await;
    let key = ring.fingerprints()[0];
    let elsewhere = admit(Some(&ring), &good, Uuid::from_u128(8)).unwrap_err();
    assert_eq!(elsewhere, Misfit::Canary(key));
    // A canary of the other key: somebody changed one row of the two by hand.
    let other = ring.canary(ring.fingerprints()[1], INSTALLATION).unwrap();
    let torn = KeySettings { canary: Some(other), ..good.clone() };
    assert_eq!(admit(Some(&ring), &torn, INSTALLATION).unwrap_err(), Misfit::Canary(key));
    let lost = KeySettings { canary: None, ..good };
    commit(&catalog, begins(&ring, &lost)).await.unwrap();
    assert!(matches!(admit(Some(&ring), &settings(&catalog).await, INSTALLATION), Ok(Admission::InSync(_))));
}

#[tokio::test]
async fn a_key_is_exchanged_step_by_step_and_every_step_out_of_turn_is_refused() {
    let catalog = MemoryCatalog::default();
    let (old_key, new_key) = (EncryptionKey::generate().unwrap(), EncryptionKey::generate().unwrap());
    let (old, new) = (old_key.fingerprint(), new_key.fingerprint());
    let only_old = KeyRing::new(vec![old_key.clone()]).unwrap();
    let both = KeyRing::new(vec![old_key, new_key.clone()]).unwrap();
    commit(&catalog, begins(&only_old, &settings(&catalog).await)).await.unwrap();
    let now = settings(&catalog).await;
    let secret = both.seal(&PASSWORD, b"x", old).unwrap();

    // Not before everybody has it.
    let half = [node("a", &[old, new]), node("b", &[old])];
    let told = promote(new, Some(&both), &now, &half, INSTALLATION).unwrap_err();
    assert_eq!(told, PromotionRefused::Lacked { key: new, nodes: vec![half[1].clone()] });
    assert!(told.to_string().contains("lacked by b;"), "{told}");
    let told = promote(new, Some(&only_old), &now, &[], INSTALLATION).unwrap_err();
    assert_eq!(told, PromotionRefused::NotHere(new));
    assert_eq!(retire(old, &now, &half, 0).unwrap_err(), RetirementRefused::Seals(old));

    let all = [node("a", &[old, new]), node("b", &[new, old])];
    let change = promote(new, Some(&both), &now, &all, INSTALLATION).unwrap();
    let again = promote(new, Some(&both), &now, &all, INSTALLATION).unwrap();
    commit(&catalog, change).await.unwrap();
    assert!(commit(&catalog, again).await.is_err(), "two promotions judged the same moment");

    // Who has not heard seals with the old key, and is refused.
    let late = ChangeSet::by(Actor("test".into())).expect(expect_sealing(old));
    assert!(catalog.commit(late).await.is_err());
    let now = settings(&catalog).await;
    let heard = ChangeSet::by(Actor("test".into())).expect(expect_sealing(new));
    catalog.commit(heard).await.unwrap();
    assert!(matches!(admit(Some(&both), &now, INSTALLATION), Ok(Admission::InSync(key)) if key == new));
    assert!(matches!(admit(Some(&only_old), &now, INSTALLATION), Err(Misfit::OtherKey { .. })));
    assert_eq!(
        promote(new, Some(&both), &now, &all, INSTALLATION).unwrap_err(),
        PromotionRefused::Already(new)
    );

    // What the old key sealed is still read; the old key stays while anything needs it.
    assert_eq!(both.open(&PASSWORD, &secret).unwrap().reveal(), b"x");
    assert_eq!(retire(old, &now, &all, 3).unwrap_err(), RetirementRefused::Needed { key: old, left: 3 });
    assert_eq!(retire(old, &now, &all, 0).unwrap().held_by.len(), 2);
    let only_new = KeyRing::new(vec![new_key]).unwrap();
    assert!(matches!(admit(Some(&only_new), &now, INSTALLATION), Ok(Admission::InSync(_))));
}

#[test]
fn the_status_tells_who_still_lacks_which_key() {
    let ring = new_ring(2);
    let [seals, next] = ring.fingerprints()[..] else { panic!() };
    let stranger = new_ring(1).fingerprints()[0];
    let settings = KeySettings { sealing: Some(seals), ..KeySettings::default() };
    let away = NodeKeys { here: false, ..node("b", &[seals]) };
    let nodes = [node("a", &[seals, next]), away, node("c", &[stranger])];
    let values = BTreeMap::from([(seals, 3), (next, 2)]);
    let status = KeyStatus::gather(Some(&ring), &settings, &values, &nodes);
    let told: Vec<_> = status
        .keys
        .iter()
        .map(|line| {
            let lacked: Vec<String> = line
                .lacked_by
                .iter()
                .map(|lacking| format!("{}{}", lacking.node, if lacking.here { "" } else { "?" }))
                .collect();
            (
                line.fingerprint,
                line.seals,
                line.here,
                line.values,
                lacked.join(" "),
                line.why_not.clone().unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        (seals, true, true, 3, "c".to_owned(), RetirementRefused::Seals(seals).to_string()),
        (
            next,
            false,
            true,
            2,
            "b? c".to_owned(),
            RetirementRefused::Needed { key: next, left: 2 }.to_string(),
        ),
        (
            stranger,
            false,
            false,
            0,
            "a b?".to_owned(),
            format!("c have the key {stranger} and not the one that seals; give it to them first"),
        ),
    ];
    assert_eq!(told, expected);
    let alone = KeyStatus::gather(None, &settings, &BTreeMap::new(), &[]);
    assert_eq!(alone.keys.len(), 1, "the one that seals is always told");
}

#[test]
fn a_setting_that_cannot_be_read_is_an_error_and_not_passed_over() {
    let row = |name: &str, value: &str| SettingRow { name: name.into(), value: value.into() };
    assert_eq!(KeySettings::read(&[row("cluster.timing", "?")]).unwrap(), KeySettings::default());
    for (name, value) in
        [(SEALING, "v9"), (CANARY, "v9.x"), (CANARY, "v1.0123456789abcdef.AAAA"), (RETIRED, "x")]
    {
        assert_eq!(KeySettings::read(&[row(name, value)]).unwrap_err(), UnreadableKeys(name));
    }
}

#[test]
fn without_a_key_that_seals_nothing_is_retired() {
    let key = new_ring(1).fingerprints()[0];
    assert_eq!(retire(key, &KeySettings::default(), &[], 0).unwrap_err(), RetirementRefused::NothingSeals);
}

#[tokio::test]
async fn a_retired_key_never_seals_again_and_a_retirement_that_another_promotion_overtook_is_refused() {
    let catalog = MemoryCatalog::default();
    let (old_key, new_key) = (EncryptionKey::generate().unwrap(), EncryptionKey::generate().unwrap());
    let (old, new) = (old_key.fingerprint(), new_key.fingerprint());
    let ring = KeyRing::new(vec![old_key, new_key]).unwrap();
    let all = [node("a", &[old, new])];
    commit(&catalog, begins(&ring, &settings(&catalog).await)).await.unwrap();
    let to = async |key| {
        let now = settings(&catalog).await;
        commit(&catalog, promote(key, Some(&ring), &now, &all, INSTALLATION).unwrap()).await.unwrap();
    };
    let retiring = async |retirement: Retirement| {
        let mut set = ChangeSet::by(Actor("test".into())).with(retirement.change);
        set.expect.extend(retirement.expect);
        catalog.commit(set).await
    };
    to(new).await;
    let judged = retire(old, &settings(&catalog).await, &all, 0).unwrap();
    // There and back: the key that seals is the same, and values of the old one may have come.
    to(old).await;
    to(new).await;
    let late = retiring(judged).await;
    assert!(matches!(late, Err(CatalogError::Conflict(Conflict::InstanceChanged))), "{late:?}");

    let now = settings(&catalog).await;
    retiring(retire(old, &now, &all, 0).unwrap()).await.unwrap();
    let after = settings(&catalog).await;
    assert!(after.retired.contains(&old));
    assert_eq!(
        promote(old, Some(&ring), &after, &all, INSTALLATION).unwrap_err(),
        PromotionRefused::Retired(old)
    );
    assert_eq!(retire(old, &after, &all, 0).unwrap_err(), RetirementRefused::Already(old));
    let stranger = new_ring(1).fingerprints()[0];
    assert_eq!(retire(stranger, &after, &all, 0).unwrap_err(), RetirementRefused::Unknown(stranger));

    // Sessions: made with the key that seals, held by the old one until it is retired.
    let of = |key| ring.session_keys(key).unwrap();
    assert_eq!(session_keys(Some(&ring), None, &now), [of(new), of(old)]);
    assert_eq!(session_keys(Some(&ring), None, &after), [of(new)]);
    let machine = MachineKey::generate().unwrap();
    assert_eq!(session_keys(Some(&ring), Some(&machine), &now), [machine.session_keys()]);
    assert_eq!(session_keys(None, None, &now), []);
}

#[test]
fn a_node_that_is_here_and_has_only_the_old_key_keeps_it_from_being_retired() {
    let ring = new_ring(2);
    let [sealing, old] = ring.fingerprints()[..] else { panic!() };
    let settings = KeySettings { sealing: Some(sealing), ..KeySettings::default() };
    let behind = node("b", &[old]);
    let nodes = [node("a", &[sealing, old]), behind.clone()];
    let told = retire(old, &settings, &nodes, 0).unwrap_err();
    assert_eq!(told, RetirementRefused::Relied { key: old, nodes: vec![behind.clone()] });
    // One that is away finds out when it comes back: it cannot join without the key that seals.
    let away = [nodes[0].clone(), NodeKeys { here: false, ..behind }];
    assert_eq!(retire(old, &settings, &away, 0).unwrap().held_by.len(), 2);
}

#[tokio::test]
async fn a_stored_value_is_sealed_anew_unless_it_was_changed_meanwhile_and_opens_under_its_own_name_only() {
    let catalog = MemoryCatalog::default();
    let ring = new_ring(2);
    let [old, new] = ring.fingerprints()[..] else { panic!() };
    let all = [node("a", &[old, new])];
    commit(&catalog, begins(&ring, &settings(&catalog).await)).await.unwrap();
    let make = async |change: SecretChange| {
        let mut set = ChangeSet::by(Actor("test".into())).with(change.change);
        set.expect.extend(change.expect);
        catalog.commit(set).await
    };
    let stored = async || Stored::read(&catalog.settings().await.unwrap()).unwrap();
    for name in ["store/2", "store/1"] {
        make(SecretChange::seal(name, name.as_bytes(), &ring, old).unwrap()).await.unwrap();
    }
    let early = make(SecretChange::seal("store/3", b"x", &ring, new).unwrap()).await;
    assert!(early.is_err(), "another key than the one that seals was used");
    let now = settings(&catalog).await;
    assert_eq!(values_by_key(&now, &stored().await), BTreeMap::from([(old, 3)]));

    commit(&catalog, promote(new, Some(&ring), &now, &all, INSTALLATION).unwrap()).await.unwrap();
    let now = settings(&catalog).await;
    assert_eq!(values_by_key(&now, &stored().await), BTreeMap::from([(old, 2), (new, 1)]));
    let before = stored().await;
    let anew: Vec<SecretChange> = before.iter().map(|one| one.reseal(&ring, new).unwrap()).collect();
    make(SecretChange::seal("store/2", b"changed", &ring, new).unwrap()).await.unwrap();
    let [first, second] = <[SecretChange; 2]>::try_from(anew).unwrap();
    make(first).await.unwrap();
    assert!(make(second).await.is_err(), "a changed value was overwritten by the old one");
    let after = stored().await;
    let opened: Vec<Vec<u8>> = after.iter().map(|one| one.open(&ring).unwrap().reveal().to_vec()).collect();
    assert_eq!(opened, [b"store/1".to_vec(), b"changed".to_vec()]);
    assert_eq!(values_by_key(&now, &after), BTreeMap::from([(new, 3)]));

    let moved = Stored { name: "store/9".into(), ..after[0].clone() };
    assert!(matches!(moved.open(&ring), Err(OpenError::Broken { .. })));
    assert!(matches!(moved.reseal(&ring, new), Err(ResealError::Open(_))));
    make(SecretChange::forget("store/1")).await.unwrap();
    assert_eq!(stored().await.len(), 1);
    let row = SettingRow { name: format!("{STORED}odd"), value: "v2.future".into() };
    assert_eq!(Stored::read(&[row]).unwrap_err(), UnreadableSecret("odd".into()));
}
