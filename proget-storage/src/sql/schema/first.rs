//! Step 1: all tables of the first release.
//!
//! Names of tables are plural because `blob` is a word of MariaDB's own. Whoever refers to a blob
//! does so by a real foreign key that refuses the deletion; everything inside a feed goes with it.

use super::{Fill, Step};

pub(super) const STEP: Step =
    Step { number: 1, name: "first-tables", oldest: 1, statements: |_| STATEMENTS, fill: Fill::Nothing };

const STATEMENTS: &[&str] = &[
    // One row. Locked by whoever joins or creates the first administrator.
    "CREATE TABLE IF NOT EXISTS instance (
        id BIGINT NOT NULL PRIMARY KEY,
        installation {uuid} NOT NULL,
        witness {uuid},
        deletes_stopped {text},
        known_identity {text}
    ) {table}",
    // The newest term of each duty and who may act under it.
    "CREATE TABLE IF NOT EXISTS fences (
        role {key} NOT NULL PRIMARY KEY,
        term BIGINT NOT NULL,
        holder {uuid} NOT NULL,
        used BIGINT NOT NULL
    ) {table}",
    "CREATE TABLE IF NOT EXISTS feeds (
        id {id},
        name {text} NOT NULL,
        name_key {key} NOT NULL,
        format {key} NOT NULL,
        settings {text} NOT NULL,
        revision {uuid} NOT NULL,
        created BIGINT NOT NULL
    ) {table}",
    // Every name that leads to a feed, its own and the alternate ones: unique across all feeds.
    "CREATE TABLE IF NOT EXISTS feed_names (
        name_key {key} NOT NULL PRIMARY KEY,
        feed_id BIGINT NOT NULL,
        FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE
    ) {table}",
    "CREATE INDEX feed_names_by_feed ON feed_names (feed_id)",
    // What a feed holds has a stamp in slots, chosen by package, so that publishes do not queue.
    "CREATE TABLE IF NOT EXISTS feed_stamps (
        feed_id BIGINT NOT NULL,
        slot BIGINT NOT NULL,
        stamp {uuid} NOT NULL,
        PRIMARY KEY (feed_id, slot),
        FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE
    ) {table}",
    "CREATE TABLE IF NOT EXISTS packages (
        id {id},
        feed_id BIGINT NOT NULL,
        name {text} NOT NULL,
        name_key {key} NOT NULL,
        stamp {uuid} NOT NULL,
        created BIGINT NOT NULL,
        modified BIGINT NOT NULL,
        UNIQUE (feed_id, name_key),
        FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE
    ) {table}",
    // The long columns come last: SQLite reads a row from the left.
    "CREATE TABLE IF NOT EXISTS versions (
        id {id},
        package_id BIGINT NOT NULL,
        version_key {key} NOT NULL,
        order_key {order} NOT NULL,
        prerelease BIGINT NOT NULL,
        listed BIGINT NOT NULL,
        download BIGINT NOT NULL,
        published BIGINT NOT NULL,
        version {text} NOT NULL,
        published_by {text} NOT NULL,
        deprecated {text},
        summary {text} NOT NULL,
        search_text {bytes} NOT NULL,
        fragment {bytes} NOT NULL,
        detail {bytes} NOT NULL,
        UNIQUE (package_id, version_key),
        FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE CASCADE
    ) {table}",
    "CREATE INDEX versions_in_order ON versions (package_id, order_key, version_key)",
    "CREATE TABLE IF NOT EXISTS tags (
        package_id BIGINT NOT NULL,
        name {key} NOT NULL,
        version_id BIGINT NOT NULL,
        PRIMARY KEY (package_id, name),
        FOREIGN KEY (version_id) REFERENCES versions (id) ON DELETE CASCADE
    ) {table}",
    "CREATE INDEX tags_by_version ON tags (version_id)",
    // (store, digest) finds a blob, (digest, generation) is the key its bytes lie under.
    // state: 0 arriving, 1 live, 2 condemned.
    "CREATE TABLE IF NOT EXISTS blobs (
        id {id},
        store {key} NOT NULL,
        digest {digest} NOT NULL,
        generation {uuid} NOT NULL,
        size BIGINT NOT NULL,
        state BIGINT NOT NULL,
        touched BIGINT NOT NULL,
        reserved_until BIGINT NOT NULL,
        UNIQUE (store, digest)
    ) {table}",
    // Keys that no blob row names any more; their bytes are deleted after a delay.
    "CREATE TABLE IF NOT EXISTS doomed (
        store {key} NOT NULL,
        digest {digest} NOT NULL,
        generation {uuid} NOT NULL,
        since BIGINT NOT NULL,
        term BIGINT NOT NULL,
        PRIMARY KEY (store, digest, generation)
    ) {table}",
    "CREATE INDEX doomed_by_age ON doomed (store, since)",
    "CREATE TABLE IF NOT EXISTS files (
        id {id},
        version_id BIGINT NOT NULL,
        package_id BIGINT NOT NULL,
        name {key} NOT NULL,
        blob_id BIGINT NOT NULL,
        size BIGINT NOT NULL,
        sha256 {digest} NOT NULL,
        sha1 {digest},
        sha512 {digest},
        md5 {digest},
        blake2b {digest},
        published BIGINT NOT NULL,
        fragment {bytes} NOT NULL,
        UNIQUE (package_id, name),
        FOREIGN KEY (version_id) REFERENCES versions (id) ON DELETE CASCADE,
        FOREIGN KEY (blob_id) REFERENCES blobs (id) ON DELETE RESTRICT
    ) {table}",
    "CREATE INDEX files_by_version ON files (version_id)",
    "CREATE INDEX files_by_blob ON files (blob_id)",
    "CREATE TABLE IF NOT EXISTS downloads (
        file_id BIGINT NOT NULL,
        day BIGINT NOT NULL,
        times BIGINT NOT NULL,
        PRIMARY KEY (file_id, day),
        FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE CASCADE
    ) {table}",
    "CREATE TABLE IF NOT EXISTS users (
        id {id},
        name {text} NOT NULL,
        name_key {key} NOT NULL,
        password {text},
        rights {text} NOT NULL,
        created BIGINT NOT NULL,
        revision {uuid} NOT NULL,
        UNIQUE (name_key)
    ) {table}",
    // kind: 0 system, 1 feed, 2 personal.
    "CREATE TABLE IF NOT EXISTS api_keys (
        id {id},
        hash {digest} NOT NULL,
        kind BIGINT NOT NULL,
        user_id BIGINT,
        hint {text} NOT NULL,
        display_name {text} NOT NULL,
        description {text} NOT NULL,
        rights {text} NOT NULL,
        expires BIGINT,
        created BIGINT NOT NULL,
        revision {uuid} NOT NULL,
        UNIQUE (hash),
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
    ) {table}",
    "CREATE INDEX api_keys_by_user ON api_keys (user_id)",
    // feed_id is no foreign key: the journal outlives feeds.
    "CREATE TABLE IF NOT EXISTS journal (
        id {id},
        change_id {uuid} NOT NULL,
        since BIGINT NOT NULL,
        actor {text} NOT NULL,
        action {key} NOT NULL,
        feed_id BIGINT,
        subject {text} NOT NULL,
        UNIQUE (change_id)
    ) {table}",
];
