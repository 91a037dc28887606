//! Publishing a file: the moment at which bytes become a package.

use super::super::dialect::Dialect;
use super::super::fault::{Fault, Meaning};
use super::super::session::{Columns, Session, values};
use super::blob::LIVE;
use super::expect::Expected;
use super::grams::learn;
use super::package::{set_tag, stamp};
use super::touched::Touched;
use proget_core::catalog::{ChangeSet, Conflict, NewFile};
use proget_core::ids::{PackageId, Stamp};
use proget_core::package::TagMode;

pub(super) async fn add_file(
    session: &Session,
    file: &NewFile,
    set: &ChangeSet,
    expected: &mut Expected,
    touched: &mut Touched,
) -> Result<(), Fault> {
    expected.require_feed(session, file.feed).await?;
    let sql =
        "UPDATE blobs SET state = ?, touched = touched + 1 WHERE id = ? AND digest = ? AND generation = ?";
    let values = values![LIVE, file.blob.0, file.key.digest.0.to_vec(), file.key.generation.0];
    if session.exec(sql, values).await? == 0 {
        return Err(Conflict::BlobGone.into());
    }
    let package = package(session, file, expected, touched).await?;
    let version = version(session, package, file, set).await?;
    insert_file(session, package, version, file).await?;
    for change in &file.tags {
        let taken = "SELECT 1 FROM tags WHERE package_id = ? AND name = ?";
        let wanted = change.mode == TagMode::Move
            || !session.any(taken, values![package.0, change.tag.as_str()]).await?;
        if wanted {
            set_tag(session, package, &change.tag, version).await?;
        }
    }
    Ok(())
}

/// The package, stamped and locked; created if need be.
async fn package(
    session: &Session,
    file: &NewFile,
    expected: &mut Expected,
    touched: &mut Touched,
) -> Result<PackageId, Fault> {
    let key = file.package.key();
    let insert = "INSERT INTO packages (feed_id, name, name_key, stamp, created, modified) \
                  VALUES (?, ?, ?, ?, {now}, {now})";
    let values = values![file.feed.0, file.package.as_str(), key.as_str(), Stamp::random().0];
    let id = if expected.must_be_new(file.feed, key) {
        let created = session.insert(insert, values).await;
        created.map_err(|fault| fault.if_taken(Conflict::PackageChanged))?
    } else if let Some(package) = stamp(session, file.feed, key, touched).await? {
        return Ok(package);
    } else {
        // Another process may create it at this moment: then this stamps and locks its row.
        let upsert = format!(
            "{insert} {{upsert feed_id, name_key}} stamp = {{new stamp}}, modified = {{new modified}}"
        );
        if session.dialect == Dialect::MySql {
            // It does not tell the number of a row that was there.
            session.exec(&upsert, values).await?;
            let sql = "SELECT id FROM packages WHERE feed_id = ? AND name_key = ?";
            let id = session.number(sql, values![file.feed.0, key.as_str()]).await?;
            id.ok_or_else(|| Fault::Damaged("a package row vanished while it was locked".into()))?
        } else {
            session.insert(&upsert, values).await?
        }
    };
    touched.package(file.feed, PackageId(id));
    Ok(PackageId(id))
}

/// The version's row. What it says of itself comes from its first file; one that has lost its last
/// file is about to be replaced, and only what was decided about it stays.
async fn version(
    session: &Session,
    package: PackageId,
    file: &NewFile,
    set: &ChangeSet,
) -> Result<i64, Fault> {
    let sql = "SELECT v.id, (SELECT COUNT(*) FROM files f WHERE f.version_id = v.id) \
               FROM versions v WHERE v.package_id = ? AND v.version_key = ?";
    let known = session.one(sql, values![package.0, file.version.key().as_str()]).await?;
    let known = match &known {
        Some(row) => {
            let mut columns = Columns::of(row, session.dialect);
            Some((columns.int()?, columns.int()?))
        }
        None => None,
    };
    match known {
        Some((id, files)) if files > 0 => return Ok(id),
        _ => {}
    }
    let search_text = search_text(file);
    learn(session, file.feed.0, package.0, &search_text).await?;
    let mut values = values![
        file.version.as_str(),
        file.version.order().0.clone(),
        i64::from(file.version.is_prerelease()),
        &*set.actor.0,
        file.summary.as_str(),
        search_text,
        file.version_fragment.0.to_vec(),
        file.detail.0.to_vec(),
    ];
    if let Some((id, _)) = known {
        let sql = "UPDATE versions SET version = ?, order_key = ?, prerelease = ?, published_by = ?, summary = ?, \
                   search_text = ?, fragment = ?, detail = ?, published = {now} WHERE id = ?";
        values.push(id.into());
        session.exec(sql, values).await?;
        return Ok(id);
    }
    let sql = "INSERT INTO versions (version, order_key, prerelease, published_by, summary, search_text, fragment, \
               detail, published, listed, download, package_id, version_key) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, {now}, 1, 0, ?, ?)";
    values.extend(values![package.0, file.version.key().as_str()]);
    session.insert(sql, values).await
}

async fn insert_file(
    session: &Session,
    package: PackageId,
    version: i64,
    file: &NewFile,
) -> Result<(), Fault> {
    let sql = "INSERT INTO files (version_id, package_id, name, blob_id, size, sha256, sha1, sha512, md5, \
               blake2b, published, fragment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {now}, ?)";
    let size = i64::try_from(file.size).map_err(|_| Fault::Damaged("a file is larger than 2^63".into()))?;
    let digests = &file.digests;
    let values = values![
        version,
        package.0,
        file.file.as_str(),
        file.blob.0,
        size,
        digests.sha256.0.to_vec(),
        digests.sha1.map(|digest| digest.0.to_vec()),
        digests.sha512.map(|digest| digest.0.to_vec()),
        digests.md5.map(|digest| digest.0.to_vec()),
        digests.blake2b.map(|digest| digest.0.to_vec()),
        file.file_fragment.0.to_vec(),
    ];
    let id = match session.insert(sql, values).await {
        Ok(id) => id,
        Err(fault) => {
            return Err(match fault.meaning() {
                Meaning::Taken => Conflict::FileExists.into(),
                Meaning::Referred => Conflict::BlobGone.into(),
                _ => fault,
            });
        }
    };
    if !file.file_detail.0.is_empty() {
        let sql = "INSERT INTO file_details (file_id, detail) VALUES (?, ?)";
        session.exec(sql, values![id, file.file_detail.0.to_vec()]).await?;
    }
    Ok(())
}

/// What a search looks through, in lower case. Texts are kept apart by a byte that no word has, so
/// that no word is found across two of them.
fn search_text(file: &NewFile) -> Vec<u8> {
    let mut text = file.package.as_str().to_ascii_lowercase();
    for part in std::iter::once(&file.summary).chain(&file.keywords) {
        text.push('\0');
        text.push_str(&part.to_ascii_lowercase());
    }
    text.into_bytes()
}
