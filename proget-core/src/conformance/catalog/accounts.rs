//! Users and keys.

use super::bench::Bench;
use crate::access::{FeedRight, FeedScope, Permissions, Rights};
use crate::catalog::{AccountChange, Conflict, KeyHash, KeyKind, NewKey, NewUser};
use crate::clock::Timestamp;
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::set;
use crate::ids::{FeedId, KeyId, UserId};
use futures::FutureExt as _;

pub(super) const CASES: &[Case<Bench>] = cases![
    a_user_is_kept_as_created,
    user_names_are_compared_in_lower_case,
    passwords_and_rights_are_replaced,
    absent_users_and_keys_cannot_be_changed,
    the_first_user_is_the_first,
    the_first_user_is_created_once_in_a_race,
    a_key_is_kept_as_created,
    a_keys_text_is_used_once,
    a_revoked_key_is_gone,
    a_deleted_user_takes_the_personal_keys_along,
];

fn user(name: &str) -> NewUser {
    NewUser { name: name.into(), password: Some("$argon2id$v=19$…".into()), rights: Rights::default() }
}

fn key(text: &str) -> NewKey {
    NewKey {
        kind: KeyKind::System,
        hash: KeyHash::of(text),
        hint: text.chars().take(4).collect(),
        display_name: format!("key {text}"),
        description: "für die CI \u{1f680}".into(),
        rights: Rights { manage_feeds: true, ..Rights::default() },
        user: None,
        expires: None,
    }
}

fn some_rights() -> Rights {
    let view = Permissions { view: true, ..Permissions::default() };
    Rights {
        full_control: false,
        manage_feeds: true,
        feeds: vec![
            FeedRight { scope: FeedScope::One(FeedId(77)), may: Permissions::ALL },
            FeedRight { scope: FeedScope::All, may: view },
        ],
    }
}

async fn a_user_is_kept_as_created(bench: Bench) {
    let new = NewUser { rights: some_rights(), ..user("Änna") };
    bench.change(AccountChange::CreateUser(new.clone())).await;
    bench.change(AccountChange::CreateUser(NewUser { password: None, ..user("bob") })).await;
    let row = bench.user("Änna").await.unwrap().expect("a user that was created must be there");
    assert_eq!((&row.name, &row.password, &row.rights), (&new.name, &new.password, &new.rights));
    assert_eq!(bench.user_by_id(row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(bench.user_by_id(UserId(row.id.0 + 1_000_000)).await.unwrap(), None);
    let bob = bench.user("bob").await.unwrap().unwrap();
    assert_eq!(bob.password, None, "no password is kept as no password");
    assert_eq!(bench.users().await.unwrap(), [bob, row], "users come by name");
}

async fn user_names_are_compared_in_lower_case(bench: Bench) {
    bench.change(AccountChange::CreateUser(user("Änna"))).await;
    for spelling in ["änna", "ÄNNA", "Änna"] {
        let found = bench.user(spelling).await.unwrap();
        assert_eq!(found.map(|user| user.name).as_deref(), Some("Änna"), "{spelling}");
        let again = AccountChange::CreateUser(user(spelling));
        bench.refused(set().with(again), Conflict::NameTaken, "two users of one name").await;
    }
    assert_eq!(bench.user("anna").await.unwrap(), None, "'a' is not 'ä'");
    bench.change(AccountChange::CreateUser(user("anna"))).await;
}

async fn passwords_and_rights_are_replaced(bench: Bench) {
    bench.change(AccountChange::CreateUser(user("anna"))).await;
    let before = bench.user("anna").await.unwrap().unwrap();
    bench.change(AccountChange::SetPassword(before.id, Some("new".into()))).await;
    bench.change(AccountChange::SetUserRights(before.id, some_rights())).await;
    let after = bench.user("anna").await.unwrap().unwrap();
    assert_eq!((after.password.as_deref(), &after.rights), (Some("new"), &some_rights()));
    assert_eq!((after.id, after.created, &after.name), (before.id, before.created, &before.name));
    assert_ne!(after.revision, before.revision);
    bench.change(AccountChange::SetPassword(before.id, None)).await;
    assert_eq!(bench.user("anna").await.unwrap().unwrap().password, None);
}

async fn absent_users_and_keys_cannot_be_changed(bench: Bench) {
    let nobody = UserId(1_000_000);
    for change in [
        AccountChange::SetPassword(nobody, None),
        AccountChange::SetUserRights(nobody, Rights::default()),
        AccountChange::DeleteUser(nobody),
        AccountChange::RevokeKey(KeyId(1_000_000)),
        AccountChange::CreateKey(NewKey { user: Some(nobody), kind: KeyKind::Personal, ..key("k") }),
    ] {
        let promise = format!("{change:?} of nobody");
        bench.refused(set().with(change), Conflict::Absent, &promise).await;
    }
}

async fn the_first_user_is_the_first(bench: Bench) {
    bench.change(AccountChange::CreateFirstUser(user("admin"))).await;
    let second = AccountChange::CreateFirstUser(user("other"));
    bench.refused(set().with(second.clone()), Conflict::NameTaken, "a second first user").await;
    let both = set().with(AccountChange::CreateKey(key("k"))).with(second);
    bench.refused(both, Conflict::NameTaken, "the whole set fails").await;
}

async fn the_first_user_is_created_once_in_a_race(bench: Bench) {
    let starting = |number: usize| {
        let bench = bench.clone();
        let first = AccountChange::CreateFirstUser(user(&format!("admin{number}")));
        async move { bench.commit(set().with(first)).await }.boxed()
    };
    let outcomes = bench.tasks.all((0..16).map(starting).collect()).await;
    super::concurrency::one_winner(&outcomes, Conflict::NameTaken);
    assert_eq!(bench.users().await.unwrap().len(), 1);
}

async fn a_key_is_kept_as_created(bench: Bench) {
    bench.change(AccountChange::CreateUser(user("anna"))).await;
    let anna = bench.user("anna").await.unwrap().unwrap();
    let keys = [
        key("system"),
        NewKey {
            kind: KeyKind::Feed,
            rights: some_rights(),
            expires: Some(Timestamp(4_102_444_800_123)),
            ..key("feed")
        },
        NewKey { kind: KeyKind::Personal, user: Some(anna.id), rights: Rights::default(), ..key("personal") },
    ];
    for key in &keys {
        bench.change(AccountChange::CreateKey(key.clone())).await;
    }
    let rows = bench.keys().await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.is_sorted_by_key(|row| row.id), "keys come by row");
    for (new, row) in keys.iter().zip(&rows) {
        assert_eq!((row.kind, row.hash, &row.hint), (new.kind, new.hash, &new.hint));
        assert_eq!((&row.display_name, &row.description), (&new.display_name, &new.description));
        assert_eq!((&row.rights, row.user, row.expires), (&new.rights, new.user, new.expires));
        assert_eq!(bench.key(&new.hash).await.unwrap().as_ref(), Some(row));
    }
    assert_eq!(bench.key(&KeyHash::of("another")).await.unwrap(), None);
}

async fn a_keys_text_is_used_once(bench: Bench) {
    bench.change(AccountChange::CreateKey(key("same"))).await;
    let again = AccountChange::CreateKey(NewKey { display_name: "another".into(), ..key("same") });
    bench.refused(set().with(again), Conflict::NameTaken, "two keys of one text").await;
    bench
        .change(AccountChange::CreateKey(NewKey { display_name: "key same".into(), ..key("different") }))
        .await;
}

async fn a_revoked_key_is_gone(bench: Bench) {
    bench.change(AccountChange::CreateKey(key("k"))).await;
    let row = bench.key(&KeyHash::of("k")).await.unwrap().unwrap();
    bench.change(AccountChange::RevokeKey(row.id)).await;
    assert_eq!(bench.key(&KeyHash::of("k")).await.unwrap(), None);
    assert_eq!(bench.keys().await.unwrap(), []);
    bench.change(AccountChange::CreateKey(key("k"))).await;
    let anew = bench.key(&KeyHash::of("k")).await.unwrap().unwrap();
    assert_ne!((anew.id, anew.revision), (row.id, row.revision), "made again it is another key");
}

async fn a_deleted_user_takes_the_personal_keys_along(bench: Bench) {
    for name in ["anna", "bob"] {
        bench.change(AccountChange::CreateUser(user(name))).await;
        let id = bench.user(name).await.unwrap().unwrap().id;
        let personal = NewKey { kind: KeyKind::Personal, user: Some(id), ..key(name) };
        bench.change(AccountChange::CreateKey(personal)).await;
    }
    bench.change(AccountChange::CreateKey(key("system"))).await;
    let anna = bench.user("anna").await.unwrap().unwrap();
    bench.change(AccountChange::DeleteUser(anna.id)).await;
    assert_eq!(bench.user("anna").await.unwrap(), None);
    let hashes: Vec<_> = bench.keys().await.unwrap().iter().map(|key| key.hash).collect();
    assert_eq!(hashes, [KeyHash::of("bob"), KeyHash::of("system")]);
    bench.change(AccountChange::CreateUser(user("anna"))).await;
    let anew = bench.user("anna").await.unwrap().unwrap();
    assert_ne!(anew.id, anna.id, "a user created anew is another user");
}
