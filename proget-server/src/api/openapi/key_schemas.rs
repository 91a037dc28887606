//! What bodies about API keys and about encryption keys look like, in the table's own words; see `schemas`.

use super::schemas::Schema;

pub(super) const KEY_SCHEMAS: &[Schema] = &[
    (
        "Key",
        "An API key.",
        &[
            ("id", "number", "its number"),
            ("type", "text", "System, Feed or Personal"),
            ("key", "text?", "its text, only when it was made just now"),
            ("displayName", "text", "for people"),
            ("description", "text", "for people"),
            ("systemApis", "[text]?", "full-control, feeds"),
            ("feed", "text?", "feeds it opens, with commas between; * is all"),
            ("packagePermissions", "[text]?", "view, add, promote, delete"),
            ("user", "text?~", "whose personal key it is"),
            ("expiration", "text?", "until when it is good, ISO 8601"),
            ("logging", "text", "always None"),
        ],
    ),
    (
        "KeyWish",
        "An API key as it is wanted.",
        &[
            ("type", "text", "System, Feed or Personal"),
            ("key", "text?~", "its text; by default it is made up"),
            ("displayName", "text?~", "for people"),
            ("description", "text?~", "for people"),
            ("systemApis", "[text]?~", "for System: full-control, feeds, sca, sbom-upload"),
            ("feed", "text?~", "for Feed: which, with commas between"),
            ("packagePermissions", "[text]?~", "for Feed: view, add, promote, delete"),
            ("user", "text?~", "for Personal: whose; one's own by default"),
            ("expiration", "text?~", "until when it is good, ISO 8601"),
            ("logging", "text?~", "None, Request, Response or Both; nothing is logged"),
        ],
    ),
    (
        "KeyReport",
        "All that there is to know about encryption keys, without any key.",
        &[
            ("answeredBy", "text", "which node gave this answer"),
            ("sealing", "text?", "the fingerprint of the key that seals"),
            ("keys", "[EncryptionKey]", "every key that somebody has or something needs"),
            ("machineKeys", "[MachineKey]", "the machine key of every process that answers requests"),
            ("reseal", "Reseal?", "the newest job that seals old values anew"),
            ("problems", "[text]", "what could not be read"),
        ],
    ),
    (
        "EncryptionKey",
        "One encryption key.",
        &[
            ("fingerprint", "text", "sixteen hexadecimal digits"),
            ("seals", "flag", "is it the one that seals?"),
            ("retired", "flag", "was it retired?"),
            ("here", "flag", "has it whoever answered?"),
            ("values", "number", "how many values are sealed with it"),
            ("heldBy", "[text]", "which nodes have it"),
            ("lackedBy", "[Lacking]", "which nodes that were not removed have it not"),
            ("mayBeRetired", "flag", "may it be retired now?"),
            ("whyNot", "text?", "why not"),
        ],
    ),
    (
        "Lacking",
        "A node that has not got a key.",
        &[("node", "text", "its name"), ("here", "flag", "is it here? one that is not may come back")],
    ),
    (
        "MachineKey",
        "The machine key of one process.",
        &[
            ("node", "text", "its node"),
            ("fingerprint", "text?", "absent if its session keys follow from the encryption key"),
            ("inSync", "flag", "is it that of the others?"),
        ],
    ),
    (
        "Reseal",
        "How far sealing anew is.",
        &[
            ("job", "number", "the job's number"),
            ("state", "text", "waiting, running, done, failed or cancelled"),
            ("progress", "text", "how far it is"),
            ("outcome", "text?", "how it ended, or why the last attempt failed"),
        ],
    ),
    ("EncryptionKeyChoice", "Which key is meant.", &[("fingerprint", "text", "sixteen hexadecimal digits")]),
    (
        "Retired",
        "Who has a retired key.",
        &[("heldBy", "[text]", "which nodes still have it and should drop it")],
    ),
];
