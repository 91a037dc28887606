//! What bodies look like: a table of members, written out as JSON schemas.
//!
//! A member's shape is a word: `text`, `number`, `flag`, `moment`, `anything`, the name of another schema, or
//! `[…]` around one of them for a list. With `?` behind it the member may be absent, with `~` it may be null.

use super::key_schemas::KEY_SCHEMAS;
use serde_json::{Map, Value, json};

/// Name, sentence, members as (name, shape, sentence).
pub(super) type Schema = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const SCHEMAS: &[Schema] = &[
    (
        "Feed",
        "A feed. Members of features that this server does not have are given back as they were given.",
        &[
            ("name", "text", "its name"),
            ("alternateNames", "[text]", "further names"),
            ("feedType", "text", "its type, such as npm"),
            ("description", "text", "for people"),
            ("active", "flag", "does it answer?"),
            ("endpointUrl", "text?", "where clients find it"),
            ("canPublish", "flag", "may the caller publish into it?"),
            ("connectors", "[text]", "always empty"),
            ("anonymousView", "flag", "may everybody read it?"),
            ("overwrite", "text", "Never or Allowed"),
            ("redirectDownloads", "flag", "are clients sent to the package store for large files?"),
            (CARRIED, "anything?", ""),
        ],
    ),
    (
        "FeedWish",
        "A feed as it is wanted. What is absent stays; name and type are fixed when it is created.",
        &[
            ("name", "text?", "its name"),
            ("feedType", "text?", "its type"),
            ("alternateNames", "[text]?~", "further names"),
            ("description", "text?~", "for people"),
            ("active", "flag?~", "does it answer?"),
            ("anonymousView", "flag?~", "may everybody read it?"),
            ("overwrite", "text?~", "Never or Allowed"),
            ("redirectDownloads", "flag?~", "are clients sent to the package store for large files?"),
            (CARRIED, "anything?", ""),
        ],
    ),
    (
        "FeedAbout",
        "What a feed is.",
        &[
            ("id", "number", "its number"),
            ("name", "text", "its name"),
            ("feedType", "text", "its type"),
            ("packageType", "text", "the type in package URLs"),
        ],
    ),
    (
        "PackageVersion",
        "A file of a version of a package.",
        &[
            ("purl", "text", "its package URL"),
            ("group", "text?", "the group, where names have one"),
            ("name", "text", "the package's name"),
            ("version", "text", "the version"),
            ("qualifier", "text?", "which file, where a version has several"),
            ("totalDownloads", "number?", "of all versions, if one package was asked for"),
            ("downloads", "number", "of this file"),
            ("published", "text", "when, ISO 8601"),
            ("publishedBy", "text", "by whom"),
            ("size", "number", "bytes"),
            ("listed", "flag", "is it shown in searches?"),
            ("md5", "text?", "digest"),
            ("sha1", "text?", "digest"),
            ("sha256", "text", "digest"),
            ("sha512", "text?", "digest"),
            ("allowDownload", "flag?", "what was decided about blocking, if anything"),
            ("deprecated", "flag", "should it no longer be used?"),
            ("deprecationReason", "text?", "why"),
        ],
    ),
    (
        "StatusWish",
        "What is to be decided about a version. What is absent stays.",
        &[
            ("listed", "flag?~", "shown in searches"),
            ("allow", "flag?~", "false blocks downloads, null clears that"),
            ("deprecated", "flag?~", "should no longer be used"),
            ("deprecationReason", "text?~", "why"),
        ],
    ),
    (
        "ClusterStatus",
        "The cluster at one moment.",
        &[
            ("mode", "text", "single, load-balanced or high-availability"),
            ("serviceNode", "text?", "which node runs the Service while the mode is not high-availability"),
            ("answeredBy", "text", "which node gave this answer"),
            ("at", "moment", "when, by the database's clock"),
            ("primary", "Role~", "who dispatches schedules and looks after the others' work"),
            ("roles", "[Role]", "every role that was ever held"),
            ("nodes", "[Node]", "everybody in the roster"),
            ("timing", "Timing", "the timings in force"),
            (
                "durability",
                "text",
                "what has to be lost before an acknowledged package is: replicated (several database servers), one-disk or memory",
            ),
            ("messenger", "Messenger?", "the messenger of the node that answers, if hints leave its process"),
            ("warnings", "[Warning]", "what is wrong; empty if nothing is"),
        ],
    ),
    (
        "Messenger",
        "How hints between servers are doing.",
        &[
            ("endpoint", "text", "where it listens"),
            ("sent", "number", "hints sent since the start, each counted for each peer"),
            ("heard", "number", "hints heard from peers"),
            ("otherKeys", "number", "callers that have another encryption key"),
            ("strangers", "number", "callers that were no servers"),
            ("peers", "[Peer]", "how it stands with each peer"),
        ],
    ),
    (
        "Peer",
        "Another server, as hints reach it.",
        &[
            ("address", "text", "its address, as the roster has it"),
            ("node", "text?", "the node of that address"),
            ("link", "text", "calling, connected, away or other-key"),
            ("problem", "text?", "why hints do not reach it"),
            ("forMs", "number", "for how long it has stood so"),
        ],
    ),
    (
        "Role",
        "Who holds a role.",
        &[
            ("role", "text", "the duty"),
            ("node", "text?", "who holds it; absent if nobody does"),
            ("term", "number", "the number of the holding"),
            ("since", "moment?", "when this holding began"),
            ("leftMs", "number", "for how long it is still granted; 0 if it has run out"),
        ],
    ),
    (
        "Node",
        "A node of the roster.",
        &[
            ("name", "text", "its name"),
            ("incarnation", "text", "its present process"),
            ("standing", "text", "fresh, late or lost"),
            ("phase", "text", "joining, serving, draining or drained"),
            ("components", "[text]", "web, service"),
            ("roles", "[text]", "the roles it holds"),
            ("version", "text", "which build it runs"),
            ("keyInSync", "flag?", "has it the key that seals? absent if it has not said"),
            ("keys", "[text]", "the fingerprints of its keys; never the keys"),
            ("machineKey", "text?", "the fingerprint of its machine key, if it has one of its own"),
            ("machineKeyInSync", "flag?", "is that the others'? absent if it answers no requests"),
            ("service", "text", "running, or why its Service does not run"),
            ("sharesStore", "flag?", "does it see the others' package store? absent while nobody has looked"),
            (
                "sharesRegister",
                "flag?",
                "does it use the others' register of leases? absent while it has not said",
            ),
            ("storeProblem", "text?", "why it cannot write to the store, if it cannot"),
            ("os", "text", "the system it runs on"),
            ("addresses", "[text]", "where it listens"),
            ("messenger", "text?", "where its messenger listens, if others can reach it"),
            ("schema", "[number]", "the oldest and the newest schema that it works on"),
            ("started", "moment", "when its process began"),
            ("joined", "moment", "when it took its place in the roster"),
            ("webBeatMs", "number?", "how long ago its Web component beat"),
            ("serviceBeatMs", "number?", "how long ago its Service component beat"),
            ("skewMs", "number", "how far its clock is ahead of the database's"),
            ("requests", "number", "requests it is answering"),
            ("jobs", "number", "jobs it is at"),
        ],
    ),
    (
        "Timing",
        "Timings in milliseconds.",
        &[
            ("preset", "text?", "fast, default or patient, if it is one"),
            ("lease", "number", "for how long a role is granted"),
            ("renew", "number", "how often it is renewed"),
            ("margin", "number", "how much sooner a holder stops believing"),
            ("poll", "number", "how often others look for free roles"),
            ("call", "number", "how long one call may take"),
            ("beat", "number", "how often a node says that it is here"),
            ("late", "number", "after this time it is late"),
            ("lost", "number", "after this time it is lost"),
        ],
    ),
    (
        "Warning",
        "Something that is not as it should be.",
        &[
            ("node", "text?", "whom it concerns, if one node"),
            ("what", "text", "what is wrong"),
            ("hint", "text", "what to do about it"),
        ],
    ),
    (
        "ModeWish",
        "Another mode.",
        &[
            ("mode", "text", "single, load-balanced or high-availability"),
            ("serviceNode", "text?~", "which node runs the Service"),
            ("check", "flag?", "true: only say what speaks against it"),
        ],
    ),
    (
        "ModeAnswer",
        "What came of it: changed, or with check, possible.",
        &[
            ("changed", "flag?", "was it made?"),
            ("possible", "flag?", "could it be made?"),
            ("findings", "[Finding]", "what speaks against it, or is worth a word"),
        ],
    ),
    (
        "Finding",
        "Something that speaks against a mode.",
        &[
            ("refuses", "flag", "does it forbid the change?"),
            ("what", "text", "what is wrong and what to do about it"),
        ],
    ),
    (
        "Settings",
        "Timings in milliseconds over a preset, and limits.",
        &[
            ("preset", "text?", "fast, default or patient"),
            ("lease", "number?", "for how long a role is granted"),
            ("renew", "number?", "how often it is renewed"),
            ("margin", "number?", "how much sooner a holder stops believing"),
            ("poll", "number?", "how often others look for free roles"),
            ("call", "number?", "how long one call may take"),
            ("beat", "number?", "how often a node says that it is here"),
            ("late", "number?", "after this time it is late"),
            ("lost", "number?", "after this time it is lost"),
            ("maxServers", "number?", "how many servers may be here; 0 is any number"),
            ("forgetAfter", "number?", "after how many seconds a departed node is forgotten"),
        ],
    ),
    ("JobId", "The number of a job.", &[("id", "number", "its number")]),
    (
        "Job",
        "A job.",
        &[
            ("id", "number", "its number"),
            ("kind", "text", "what work it is"),
            ("key", "text", "what makes it unique among those of its kind that wait"),
            ("state", "text", "waiting, running, done, failed or cancelled"),
            ("attempt", "number", "how often it was claimed"),
            ("attempts", "number", "how often it may be claimed"),
            ("enqueued", "moment", "when it was enqueued"),
            ("due", "moment", "not to be claimed before"),
            ("claim", "Claim~", "who is at it"),
            ("cancel", "flag", "does an operator want it to end?"),
            ("progress", "text", "how far it is"),
            ("outcome", "text~", "how it ended, or why the last attempt failed"),
            ("finished", "moment~", "when it was over"),
            ("schedule", "text~", "the schedule that wanted it"),
            ("occurrence", "moment~", "the moment at which that schedule was due"),
            ("log", "[Line]?", "its log, where one job is shown"),
        ],
    ),
    (
        "Claim",
        "Who is at a job.",
        &[
            ("node", "text", "the node's name"),
            ("incarnation", "text", "the process"),
            ("leftMs", "number", "how long the claim still holds; 0 if it has run out"),
        ],
    ),
    (
        "Line",
        "A line of a job's log.",
        &[("number", "number", "its place"), ("at", "moment", "when"), ("text", "text", "what")],
    ),
    (
        "Schedule",
        "When a job is wanted again and again.",
        &[
            ("name", "text", "its name"),
            ("cron", "text", "the five fields of cron, in UTC"),
            ("kind", "text", "the kind of job it wants"),
            ("key", "text", "that job's key"),
            ("input", "text", "that job's input"),
            ("enabled", "flag", "is it followed?"),
            ("last", "moment", "up to when its occurrences have become jobs, or when it began"),
            ("next", "moment~", "when it is due next; null while it is disabled"),
        ],
    ),
    (
        "ScheduleWish",
        "A schedule as it is wanted.",
        &[
            ("name", "text", "1 to 100 letters, digits, '.', '_' and '-'"),
            ("cron", "text", "the five fields of cron, in UTC"),
            ("kind", "text", "the kind of job it wants"),
            ("key", "text?", "that job's key"),
            ("input", "text?", "that job's input"),
            ("enabled", "flag?", "is it followed from the start? by default it is"),
        ],
    ),
    (
        "ScheduleChange",
        "What is to be different about a schedule.",
        &[
            ("cron", "text?~", "other times"),
            ("kind", "text?~", "another kind of job"),
            ("key", "text?~", "another key"),
            ("input", "text?~", "another input"),
            ("enabled", "flag?~", "followed from now on, or not any more"),
        ],
    ),
    ("Anything", "Any object.", &[(CARRIED, "anything?", "")]),
];

/// Stands for further members of any name.
const CARRIED: &str = "*";

/// The whole table.
pub(super) fn table() -> impl Iterator<Item = &'static Schema> {
    SCHEMAS.iter().chain(KEY_SCHEMAS)
}

/// All of them, for `components`.
pub(super) fn schemas() -> Value {
    let all = table().map(|(name, about, members)| {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (member, shape, about) in members.iter().filter(|(member, ..)| *member != CARRIED) {
            let mut of = shaped(shape);
            of["description"] = json!(about);
            properties.insert((*member).to_owned(), of);
            if !shape.contains('?') {
                required.push(json!(member));
            }
        }
        let open = members.iter().any(|(member, ..)| *member == CARRIED);
        let schema = json!({
            "type": "object",
            "description": about,
            "properties": properties,
            "required": required,
            "additionalProperties": open,
        });
        ((*name).to_owned(), schema)
    });
    Value::Object(all.collect())
}

/// One of them, where it is used.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn shaped(shape: &str) -> Value {
    let plain = shape.trim_end_matches(['?', '~']);
    let of = match plain {
        "text" => json!({ "type": "string" }),
        "flag" => json!({ "type": "boolean" }),
        "number" => json!({ "type": "integer" }),
        "moment" => json!({ "type": "integer", "format": "int64" }),
        "anything" => json!({}),
        list if list.starts_with('[') => {
            json!({ "type": "array", "items": shaped(list.trim_matches(['[', ']'])) })
        }
        name => reference(name),
    };
    match (shape.contains('~'), of.get("type").cloned()) {
        (false, _) => of,
        (true, Some(kind)) => {
            let mut of = of;
            of["type"] = json!([kind, "null"]);
            of
        }
        (true, None) => json!({ "oneOf": [of, { "type": "null" }] }),
    }
}
