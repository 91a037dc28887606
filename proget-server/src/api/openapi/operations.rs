//! What each operation is for, takes and answers: one entry for each row of the table of routes, by its
//! path and its first method.

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Nothing,
    /// A document of that schema.
    Json(&'static str),
    /// The bytes of a package.
    Bytes,
}

/// What comes back with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Json(&'static str),
    /// An array of documents of that schema.
    List(&'static str),
    Bytes,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) body: Body,
    pub(super) answer: Answer,
    /// Beside what follows from the permission.
    pub(super) errors: &'static [(u16, &'static str)],
    /// Another answer that is a document.
    pub(super) also: Option<(u16, &'static str)>,
}

const fn get(path: &'static str, answer: Answer, summary: &'static str) -> Operation {
    Operation {
        method: "GET",
        path,
        summary,
        query: &[],
        body: Body::Nothing,
        answer,
        errors: &[],
        also: None,
    }
}

const fn post(path: &'static str, body: Body, answer: Answer, summary: &'static str) -> Operation {
    Operation { method: "POST", path, summary, query: &[], body, answer, errors: &[], also: None }
}

impl Operation {
    const fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    const fn errors(self, errors: &'static [(u16, &'static str)]) -> Self {
        Self { errors, ..self }
    }

    const fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    const fn also(self, status: u16, schema: &'static str) -> Self {
        Self { also: Some((status, schema)), ..self }
    }
}

const NO_FEED: (u16, &str) = (404, "there is no such feed");
const NO_NODE: (u16, &str) = (404, "there is no such node");
const NO_JOB: (u16, &str) = (404, "there is no such job");
const NO_SCHEDULE: (u16, &str) = (404, "there is no such schedule");
const UNREADABLE_KEYS: (u16, &str) = (409, "a newer build wrote what the instance says about its keys");
const BAD: (u16, &str) = (400, "what is wrong, with the name of the member");

/// Which package and version.
const VERSION: &[(&str, &str)] = &[
    ("purl", "the package URL, instead of the others"),
    ("name", "the package's name"),
    ("group", "its group, where names have one"),
    ("version", "the version"),
    ("qualifier", "file=NAME, where a version has several files"),
];

/// One version, and what is wrong about asking for it.
const NO_VERSION: &[(u16, &str)] =
    &[(400, "the query names no version"), (404, "there is no such feed, package or version")];

pub(super) const OPERATIONS: &[Operation] = &[
    get("/api/openapi.json", Answer::Json("Anything"), "This description"),
    get("/api/management/feeds/list", Answer::List("Feed"), "Lists feeds, inactive ones too"),
    get("/api/management/feeds/get/:feed", Answer::Json("Feed"), "Shows a feed").errors(&[NO_FEED]),
    post("/api/management/feeds/create", Body::Json("FeedWish"), Answer::Json("Feed"), "Creates a feed")
        .errors(&[BAD, (409, "there is a feed of that name")]),
    post(
        "/api/management/feeds/update/:feed",
        Body::Json("FeedWish"),
        Answer::Json("Feed"),
        "Changes a feed; what is absent stays",
    )
    .errors(&[BAD, NO_FEED]),
    post(
        "/api/management/feeds/delete/:feed",
        Body::Nothing,
        Answer::Nothing,
        "Deletes a feed with its packages",
    )
    .method("DELETE")
    .errors(&[NO_FEED]),
    get(
        "/api/api-keys/list",
        Answer::List("Key"),
        "Lists keys, without their texts: all for administrators, one's own otherwise",
    ),
    post(
        "/api/api-keys/create",
        Body::Json("KeyWish"),
        Answer::Json("Key"),
        "Creates a key; its text is answered once",
    )
    .errors(&[BAD, (403, "these credentials do not permit it"), (409, "there is a key of that text")]),
    post("/api/api-keys/delete", Body::Nothing, Answer::Nothing, "Revokes a key")
        .query(&[("id", "its number")])
        .errors(&[BAD, (403, "these credentials do not permit it"), (404, "there is no such key")]),
    get("/api/packages/:feed", Answer::Json("FeedAbout"), "Says what the feed is").errors(&[NO_FEED]),
    get(
        "/api/packages/:feed/latest",
        Answer::List("PackageVersion"),
        "Lists the newest listed version of each package",
    )
    .query(&[
        ("name", "of this package only"),
        ("group", "of this group only"),
        ("stableOnly", "true: without prereleases"),
    ])
    .errors(&[BAD, NO_FEED]),
    get(
        "/api/packages/:feed/versions",
        Answer::List("PackageVersion"),
        "Lists all versions, unlisted ones too",
    )
    .query(VERSION)
    .errors(&[BAD, NO_FEED]),
    get(
        "/api/packages/:feed/download",
        Answer::Bytes,
        "Downloads a file; the version may be latest, latest-stable or latest-unstable",
    )
    .query(VERSION)
    .errors(NO_VERSION),
    post("/api/packages/:feed/upload", Body::Bytes, Answer::Nothing, "Publishes a package")
        .method("PUT")
        .errors(&[
            (400, "the package is refused, with the rule"),
            NO_FEED,
            (409, "the version is there with other bytes"),
            (413, "it is too large"),
        ]),
    post(
        "/api/packages/:feed/upload/*name",
        Body::Bytes,
        Answer::Nothing,
        "Publishes a package under a file name",
    )
    .method("PUT")
    .errors(&[
        (400, "the package is refused, with the rule"),
        NO_FEED,
        (409, "the version is there with other bytes"),
        (413, "it is too large"),
    ]),
    post("/api/packages/:feed/delete", Body::Nothing, Answer::Nothing, "Removes a version")
        .query(VERSION)
        .errors(NO_VERSION),
    post(
        "/api/packages/:feed/status",
        Body::Json("StatusWish"),
        Answer::Nothing,
        "Lists, blocks or deprecates a version; an empty object clears blocking",
    )
    .query(VERSION)
    .errors(NO_VERSION),
    get(
        "/api/cluster/status",
        Answer::Json("ClusterStatus"),
        "Says who is here, who holds what, what is wrong and what to do about it",
    ),
    post(
        "/api/cluster/mode",
        Body::Json("ModeWish"),
        Answer::Json("ModeAnswer"),
        "Changes the mode, or asks what speaks against it",
    )
    .errors(&[BAD])
    .also(409, "ModeAnswer"),
    post(
        "/api/cluster/settings",
        Body::Json("Settings"),
        Answer::Nothing,
        "Changes timings and limits; what is absent stays, but timings are changed all at once",
    )
    .errors(&[(400, "timings that cannot work, with the rule they break")]),
    post(
        "/api/cluster/nodes/:node/drain",
        Body::Nothing,
        Answer::Nothing,
        "Lets a node finish what it has begun and take nothing new",
    )
    .errors(&[BAD, NO_NODE]),
    post(
        "/api/cluster/nodes/:node/resume",
        Body::Nothing,
        Answer::Nothing,
        "Lets a draining node take part again",
    )
    .errors(&[BAD, NO_NODE]),
    post(
        "/api/cluster/nodes/:node/service/:what",
        Body::Nothing,
        Answer::Nothing,
        "Does what the last segment says to a node's Service: start, stop, enable or disable",
    )
    .errors(&[
        (400, "it is disabled, or the name cannot be a node's"),
        (404, "there is no such node, or nothing else to do than these four"),
    ]),
    post("/api/cluster/nodes/:node", Body::Nothing, Answer::Nothing, "Removes a node that is gone")
        .method("DELETE")
        .query(&[("force", "true: also if it beats")])
        .errors(&[(400, "it beats, and force was not given"), NO_NODE]),
    get(
        "/api/cluster/keys",
        Answer::Json("KeyReport"),
        "Says which encryption keys there are, who has them and lacks them, and what still needs them",
    )
    .errors(&[UNREADABLE_KEYS]),
    post(
        "/api/cluster/keys/promote",
        Body::Json("EncryptionKeyChoice"),
        Answer::Json("JobId"),
        "Lets another key seal; answers the job that seals old values anew",
    )
    .errors(&[BAD, (409, "it may not seal now, with the reason, such as the nodes that lack it")]),
    post(
        "/api/cluster/keys/reseal",
        Body::Nothing,
        Answer::Json("JobId"),
        "Has old values sealed anew once more, after that was given up",
    ),
    post(
        "/api/cluster/keys/retire",
        Body::Json("EncryptionKeyChoice"),
        Answer::Json("Retired"),
        "Gives an old key up; answers the nodes that still have it",
    )
    .errors(&[BAD, (409, "it is still needed, with the reason")]),
    get("/api/cluster/jobs", Answer::List("Job"), "Lists the newest hundred jobs")
        .query(&[("state", "waiting, running, done, failed or cancelled"), ("kind", "of this kind only")])
        .errors(&[(400, "there is no such state")]),
    post(
        "/api/cluster/jobs/verify",
        Body::Nothing,
        Answer::Json("JobId"),
        "Has every package compared with its digest, by whichever node gets to it",
    ),
    get("/api/cluster/jobs/:job", Answer::Json("Job"), "Shows a job with its log")
        .query(&[("after", "lines after that number only")])
        .errors(&[(400, "that is no number"), NO_JOB]),
    post(
        "/api/cluster/jobs/:job",
        Body::Nothing,
        Answer::Nothing,
        "Calls a job off; one that runs is told and ends when it can",
    )
    .method("DELETE")
    .errors(&[(400, "that is no number"), NO_JOB, (409, "it is over already")]),
    get("/api/cluster/schedules", Answer::List("Schedule"), "Lists schedules"),
    post("/api/cluster/schedules", Body::Json("ScheduleWish"), Answer::Json("Schedule"), "Adds a schedule")
        .errors(&[BAD, (409, "there is a schedule of that name")]),
    post(
        "/api/cluster/schedules/:schedule",
        Body::Json("ScheduleChange"),
        Answer::Json("Schedule"),
        "Changes a schedule; one that is enabled again, or gets other times, makes up for nothing",
    )
    .method("PATCH")
    .errors(&[BAD, NO_SCHEDULE]),
    post(
        "/api/cluster/schedules/:schedule",
        Body::Nothing,
        Answer::Nothing,
        "Removes a schedule; jobs that it wanted stay",
    )
    .method("DELETE")
    .errors(&[NO_SCHEDULE]),
    post(
        "/api/cluster/schedules/:schedule/run",
        Body::Nothing,
        Answer::Json("JobId"),
        "Has the job of a schedule done now",
    )
    .errors(&[BAD, NO_SCHEDULE]),
];
