//! From names to the row numbers of one catalogue, as they are before the step.

use super::steps::{Expected, FenceKind, Move, Place, Step, file_name};
use proget_core::access::Actor;
use proget_core::blob::BlobKey;
use proget_core::catalog::{
    AccountChange, BlobChange, BlobRow, Catalog, CatalogError, Change, ChangeSet, Expect, FeedChange, Fence,
    FenceChange, InstanceChange, JournalEntry, KeyHash, NewFile, NewKey, NewUser, PackageChange, Role,
    VersionRef,
};
use proget_core::conformance::sample;
use proget_core::digest::{DigestSet, Digests};
use proget_core::ids::{BlobId, FeedId, FileId, Incarnation, KeyId, Stamp, UserId};
use proget_core::package::{FileRef, TagChange};
use std::time::Duration;

/// A row number that no row has.
const NOWHERE: i64 = 1_000_000_000;
const ROLE: Role = Role::SWEEPER;

type Resolved<T> = Result<T, CatalogError>;

pub(super) async fn change_set(step: &Step, catalog: &dyn Catalog) -> Resolved<ChangeSet> {
    let mut set = ChangeSet { id: step.id, ..ChangeSet::by(Actor("somebody".into())) };
    if let Some(kind) = step.fence {
        set.fence = Some(fence(catalog, kind).await?);
    }
    if let Some(expected) = step.expect {
        set.expect.push(expect(catalog, expected).await?);
    }
    for one in &step.moves {
        set.changes.push(change(catalog, one).await?);
    }
    if let Some((action, name)) = step.entry {
        let feed = match name {
            Some(name) => Some(feed(catalog, name).await?),
            None => None,
        };
        set.entry = Some(JournalEntry { action, feed, subject: format!("{name:?}") });
    }
    Ok(set)
}

pub(super) async fn feed(catalog: &dyn Catalog, name: &str) -> Resolved<FeedId> {
    Ok(catalog.feed(&sample::feed_name(name)).await?.map_or(FeedId(NOWHERE), |feed| feed.id))
}

async fn user(catalog: &dyn Catalog, name: &str) -> Resolved<(UserId, Stamp)> {
    let nobody = || (UserId(NOWHERE), Stamp::random());
    Ok(catalog.user(name).await?.map_or_else(nobody, |user| (user.id, user.revision)))
}

async fn key(catalog: &dyn Catalog, text: &str) -> Resolved<(KeyId, Stamp)> {
    let none = || (KeyId(NOWHERE), Stamp::random());
    Ok(catalog.key(&KeyHash::of(text)).await?.map_or_else(none, |key| (key.id, key.revision)))
}

async fn blob(catalog: &dyn Catalog, bytes: &str) -> Resolved<Option<BlobRow>> {
    catalog.blob(&sample::store(), &sample::blob_key(bytes).digest).await
}

async fn file_id(catalog: &dyn Catalog, at: Place, file: usize) -> Resolved<FileId> {
    let wanted = FileRef { package: sample::name(at.1), file: file_name(at, file) };
    let found = catalog.file(feed(catalog, at.0).await?, &wanted).await?;
    Ok(found.map_or(FileId(NOWHERE), |found| found.file.id))
}

async fn version(catalog: &dyn Catalog, at: Place) -> Resolved<VersionRef> {
    let (package, version) = (sample::name(at.1), sample::version_key(at.2));
    Ok(VersionRef { feed: feed(catalog, at.0).await?, package, version })
}

async fn fence(catalog: &dyn Catalog, kind: FenceKind) -> Resolved<Fence> {
    let planted = catalog.fence(ROLE).await?;
    let (term, holder) = planted.map_or((0, Incarnation(uuid::Uuid::nil())), |row| (row.term, row.holder));
    let off = match kind {
        FenceKind::Planted => 0,
        FenceKind::Stale => -1,
        FenceKind::Above => 1,
    };
    Ok(Fence { role: ROLE, term: term + off, holder })
}

async fn expect(catalog: &dyn Catalog, expected: Expected) -> Resolved<Expect> {
    let judged = |stamp: Stamp, right: bool| if right { stamp } else { Stamp::random() };
    Ok(match expected {
        Expected::Feed(name, right) => match catalog.feed(&sample::feed_name(name)).await? {
            Some(feed) => Expect::Feed(feed.id, judged(feed.revision, right)),
            None => Expect::Feed(FeedId(NOWHERE), Stamp::random()),
        },
        Expected::User(name, right) => {
            let (id, revision) = user(catalog, name).await?;
            Expect::User(id, judged(revision, right))
        }
        Expected::Key(text, right) => {
            let (id, revision) = key(catalog, text).await?;
            Expect::Key(id, judged(revision, right))
        }
        Expected::Package(name, package, right) => {
            let (feed, package) = (feed(catalog, name).await?, sample::name(package));
            let rows = catalog.rows(feed, &package).await?;
            let stamp = rows.map(|rows| judged(rows.package.stamp, right));
            Expect::Package(feed, package, stamp)
        }
        Expected::NoPackage(name, package) => {
            Expect::Package(feed(catalog, name).await?, sample::name(package), None)
        }
        Expected::Work(condition) => condition.resolve(catalog).await?,
    })
}

/// A blob's row number and `touched`, as read or out of date.
async fn seen(catalog: &dyn Catalog, bytes: &str, as_read: bool) -> Resolved<(BlobId, i64)> {
    let row = blob(catalog, bytes).await?;
    Ok(row.map_or((BlobId(NOWHERE), 0), |row| (row.id, row.touched - i64::from(!as_read))))
}

async fn change(catalog: &dyn Catalog, one: &Move) -> Resolved<Change> {
    let store = sample::store();
    Ok(match one.clone() {
        Move::CreateFeed(name, settings) => {
            FeedChange::Create { name: sample::feed_name(name), format: sample::format_id(), settings }.into()
        }
        Move::UpdateFeed(old, new, settings) => {
            FeedChange::Update { id: feed(catalog, old).await?, name: sample::feed_name(new), settings }
                .into()
        }
        Move::DeleteFeed(name) => FeedChange::Delete(feed(catalog, name).await?).into(),
        Move::Reserve { bytes, fresh, long } => {
            let hold = if long { Duration::from_secs(3600) } else { Duration::ZERO };
            BlobChange::Reserve { store, fresh, size: bytes.len() as u64, hold }.into()
        }
        Move::AddFile { .. } => PackageChange::AddFile(Box::new(new_file(catalog, one).await?)).into(),
        Move::SetTag(at, tag) => PackageChange::SetTag(version(catalog, at).await?, sample::tag(tag)).into(),
        Move::RemoveTag(at, tag) => {
            PackageChange::RemoveTag(feed(catalog, at.0).await?, sample::name(at.1), sample::tag(tag)).into()
        }
        Move::SetStatus(at, status) => PackageChange::SetStatus(version(catalog, at).await?, status).into(),
        Move::RemoveVersion(at) => PackageChange::RemoveVersion(version(catalog, at).await?).into(),
        Move::RemoveFile(at, file) => {
            let feed = feed(catalog, at.0).await?;
            PackageChange::RemoveFile(feed, sample::name(at.1), file_name(at, file)).into()
        }
        Move::RemovePackage(at) => {
            PackageChange::RemovePackage(feed(catalog, at.0).await?, sample::name(at.1)).into()
        }
        Move::CountDownloads(counts) => {
            let mut resolved = Vec::new();
            for (at, file, times) in counts {
                resolved.push((file_id(catalog, at, file).await?, times));
            }
            PackageChange::CountDownloads(resolved).into()
        }
        Move::Condemn { bytes, as_read } => {
            let (id, touched) = seen(catalog, bytes, as_read).await?;
            BlobChange::Condemn { id, touched }.into()
        }
        Move::Doom { bytes, as_read } => {
            let (id, touched) = seen(catalog, bytes, as_read).await?;
            BlobChange::Doom { id, touched }.into()
        }
        Move::DoomStray(key) => BlobChange::DoomStray { store, key }.into(),
        Move::DoomKnown(bytes) => {
            let key = known_key(catalog, bytes).await?;
            BlobChange::DoomStray { store, key }.into()
        }
        Move::ForgetFirst => {
            let mut doomed = catalog.doomed(&store, Duration::ZERO, 1000).await?;
            // The oldest may be two at once; the least key is the same in both catalogues.
            doomed.sort_by_key(|row| row.key);
            let key = doomed.first().map_or_else(no_key, |row| row.key);
            BlobChange::Forget { store, key }.into()
        }
        other => account_or_instance(catalog, other).await?,
    })
}

fn no_key() -> BlobKey {
    BlobKey {
        digest: sample::blob_key("").digest,
        generation: proget_core::ids::Generation(uuid::Uuid::nil()),
    }
}

async fn known_key(catalog: &dyn Catalog, bytes: &str) -> Resolved<BlobKey> {
    Ok(blob(catalog, bytes).await?.map_or_else(no_key, |row| row.key))
}

async fn account_or_instance(catalog: &dyn Catalog, one: Move) -> Resolved<Change> {
    Ok(match one {
        Move::CreateUser { name, first, password, rights } => {
            let new = NewUser { name: name.into(), password: password.map(Into::into), rights };
            if first {
                AccountChange::CreateFirstUser(new).into()
            } else {
                AccountChange::CreateUser(new).into()
            }
        }
        Move::SetPassword(name, password) => {
            AccountChange::SetPassword(user(catalog, name).await?.0, password.map(Into::into)).into()
        }
        Move::SetRights(name, rights) => {
            AccountChange::SetUserRights(user(catalog, name).await?.0, rights).into()
        }
        Move::DeleteUser(name) => AccountChange::DeleteUser(user(catalog, name).await?.0).into(),
        Move::CreateKey { text, kind, user: owner } => {
            let user = match owner {
                Some(name) => Some(user(catalog, name).await?.0),
                None => None,
            };
            AccountChange::CreateKey(NewKey {
                kind,
                hash: KeyHash::of(text),
                hint: "hint".into(),
                display_name: text.into(),
                description: String::new(),
                rights: proget_core::access::Rights::default(),
                user,
                expires: None,
            })
            .into()
        }
        Move::RevokeKey(text) => AccountChange::RevokeKey(key(catalog, text).await?.0).into(),
        Move::Witness { as_read, next } => {
            let witness = catalog.instance().await?.witness;
            let previous = if as_read { witness } else { Some(uuid::Uuid::nil()) };
            InstanceChange::Witness { previous, next, identity: "some database".into() }.into()
        }
        Move::StopDeletes(why) => InstanceChange::StopDeletes(why.into()).into(),
        Move::Plant { above, holder } => {
            let term = catalog.fence(ROLE).await?.map_or(0, |row| row.term) + above;
            FenceChange::Plant { role: ROLE, term, holder }.into()
        }
        Move::Work(work) => work.resolve(catalog).await?,
        // All others are resolved by the caller.
        _ => InstanceChange::ConfirmDeletes.into(),
    })
}

async fn new_file(catalog: &dyn Catalog, one: &Move) -> Resolved<NewFile> {
    let Move::AddFile { at, file, bytes, right_key, tag, words } = one.clone() else {
        return Err(CatalogError::Other {
            doing: "resolving a file from a move that adds none",
            source: None,
        });
    };
    let known = blob(catalog, bytes).await?;
    let (blob, right) = known.map_or_else(|| (BlobId(NOWHERE), no_key()), |row| (row.id, row.key));
    let all = DigestSet { sha1: true, sha512: true, md5: true, blake2b: true };
    Ok(NewFile {
        feed: feed(catalog, at.0).await?,
        package: sample::package(at.1),
        version: sample::version(at.2),
        file: file_name(at, file),
        blob,
        key: if right_key { right } else { no_key() },
        size: bytes.len() as u64,
        digests: Digests::of(bytes.as_bytes(), all),
        version_fragment: sample::fragment(&format!("{at:?} {words:?}")),
        file_fragment: sample::fragment(&format!("{bytes} {file}")),
        detail: sample::fragment(words[1]),
        file_detail: sample::fragment(words[0]),
        summary: words.join(" and "),
        keywords: vec![words[1].into(), bytes.into()],
        tags: tag.map(|(tag, mode)| TagChange { tag: sample::tag(tag), mode }).into_iter().collect(),
    })
}
