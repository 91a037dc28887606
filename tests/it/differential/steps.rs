//! Random steps in a small world, so that names meet often: what is to be done, without row
//! numbers, which each catalogue has its own of.

use proget_core::access::{FeedRight, FeedScope, Permissions, Rights};
use proget_core::blob::BlobKey;
use proget_core::catalog::{Action, KeyKind};
use proget_core::conformance::{Dice, sample};
use proget_core::feed::{FeedSettings, Overwrite};
use proget_core::ids::{ChangeId, Incarnation};
use proget_core::package::{Download, TagMode, VersionStatus};
use uuid::Uuid;

use super::work::{Condition, Work};

pub(super) const FEEDS: [&str; 4] = ["npm", "Internal", "internal", "old"];
pub(super) const PACKAGES: [&str; 6] = ["left-pad", "Left-Pad", "@acme/a", "@acme/b", "ä", "a_b"];
pub(super) const VERSIONS: [&str; 6] = ["1.0.0", "2.0.0-rc", "2.0.0", "10.0.0", "128.0.0", "0.0.1"];
pub(super) const USERS: [&str; 4] = ["anna", "Anna", "Äda", "bob"];
pub(super) const KEYS: [&str; 3] = ["key one", "key two", "key three"];
pub(super) const BYTES: [&str; 5] = ["some bytes", "other bytes", "", "x", "the same again"];
pub(super) const TAGS: [&str; 3] = ["latest", "Latest", "next"];
pub(super) const WORDS: [&str; 5] = ["pads", "Strings", "100%", "a_b", "ünïcode"];

/// A change set before row numbers are known.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) id: ChangeId,
    pub(super) fence: Option<FenceKind>,
    pub(super) expect: Option<Expected>,
    pub(super) moves: Vec<Move>,
    pub(super) entry: Option<(Action, Option<&'static str>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FenceKind {
    Planted,
    Stale,
    Above,
}

/// What is expected, and whether it is as the catalogue has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    Feed(&'static str, bool),
    User(&'static str, bool),
    Key(&'static str, bool),
    Package(&'static str, &'static str, bool),
    NoPackage(&'static str, &'static str),
    Work(Condition),
}

/// A version by its names: feed, package, version.
pub(super) type Place = (&'static str, &'static str, &'static str);

/// One change by names.
#[derive(Debug, Clone)]
pub(super) enum Move {
    CreateFeed(&'static str, FeedSettings),
    UpdateFeed(&'static str, &'static str, FeedSettings),
    DeleteFeed(&'static str),
    Reserve {
        bytes: &'static str,
        fresh: BlobKey,
        long: bool,
    },
    AddFile {
        at: Place,
        file: usize,
        bytes: &'static str,
        right_key: bool,
        tag: Option<(&'static str, TagMode)>,
        words: [&'static str; 2],
    },
    SetTag(Place, &'static str),
    RemoveTag(Place, &'static str),
    SetStatus(Place, VersionStatus),
    RemoveVersion(Place),
    RemoveFile(Place, usize),
    RemovePackage(Place),
    CountDownloads(Vec<(Place, usize, u64)>),
    Condemn {
        bytes: &'static str,
        as_read: bool,
    },
    Doom {
        bytes: &'static str,
        as_read: bool,
    },
    DoomStray(BlobKey),
    DoomKnown(&'static str),
    ForgetFirst,
    CreateUser {
        name: &'static str,
        first: bool,
        password: Option<&'static str>,
        rights: Rights,
    },
    SetPassword(&'static str, Option<&'static str>),
    SetRights(&'static str, Rights),
    DeleteUser(&'static str),
    CreateKey {
        text: &'static str,
        kind: KeyKind,
        user: Option<&'static str>,
    },
    RevokeKey(&'static str),
    Witness {
        as_read: bool,
        next: Uuid,
    },
    StopDeletes(&'static str),
    ConfirmDeletes,
    Plant {
        above: i64,
        holder: Incarnation,
    },
    Work(Work),
}

/// The files that a version may have.
pub(super) fn file_name(at: Place, file: usize) -> proget_core::package::FileName {
    let (_, package, version) = at;
    match file {
        0 => sample::file_of(package, version),
        // The same name in every version of a package.
        _ => sample::file_name("readme.txt"),
    }
}

impl Step {
    /// What every run begins with, so that most steps find something to work on.
    pub(super) fn opening() -> Vec<Self> {
        let feeds = FEEDS[..2].iter().map(|name| Move::CreateFeed(name, FeedSettings::default()));
        let blobs =
            BYTES.iter().map(|bytes| Move::Reserve { bytes, fresh: sample::blob_key(bytes), long: false });
        let step =
            |one| Self { id: ChangeId::random(), fence: None, expect: None, moves: vec![one], entry: None };
        feeds.chain(blobs).map(step).collect()
    }

    /// Any step; `recent` are the versions that were published, to which it likes to come back.
    pub(super) fn random(dice: &mut Dice, recent: &mut Vec<Place>) -> Self {
        let many = if dice.percent(20) { 2 + dice.below(3) } else { 1 };
        let moves: Vec<Move> = (0..many).map(|_| Move::random(dice, recent)).collect();
        let fence = match dice.below(10) {
            0 if dice.percent(50) => Some(FenceKind::Stale),
            1 if dice.percent(50) => Some(FenceKind::Above),
            2..=8 if moves.iter().any(Move::is_fenced) => Some(FenceKind::Planted),
            _ => None,
        };
        let feed = |dice: &mut Dice| *dice.pick(&FEEDS);
        let right = dice.percent(80);
        let expect = match dice.below(20) {
            0 => Some(Expected::Feed(feed(dice), right)),
            1 => Some(Expected::User(dice.pick::<&str>(&USERS), right)),
            2 => Some(Expected::Key(dice.pick::<&str>(&KEYS), right)),
            3 => Some(Expected::Package(feed(dice), dice.pick::<&str>(&PACKAGES), right)),
            4 => Some(Expected::NoPackage(feed(dice), dice.pick::<&str>(&PACKAGES))),
            5 => Some(Expected::Work(Condition::random(dice))),
            _ => None,
        };
        let entry = dice.percent(50).then(|| {
            let feed = dice.percent(50).then(|| feed(dice));
            (*dice.pick(Action::ALL), feed)
        });
        Self { id: ChangeId::random(), fence, expect, moves, entry }
    }
}

impl Move {
    pub(super) fn is_fenced(&self) -> bool {
        use Move::{Condemn, Doom, DoomKnown, DoomStray, ForgetFirst, Witness};
        match self {
            Self::Work(work) => work.is_fenced(),
            other => matches!(
                other,
                Condemn { .. } | Doom { .. } | DoomKnown(_) | DoomStray(_) | ForgetFirst | Witness { .. }
            ),
        }
    }

    fn random(dice: &mut Dice, recent: &mut Vec<Place>) -> Self {
        let anywhere: Place = (*dice.pick(&FEEDS[..3]), *dice.pick(&PACKAGES), *dice.pick(&VERSIONS));
        let place = if recent.is_empty() || dice.percent(25) { anywhere } else { *dice.pick(recent) };
        let bytes = *dice.pick(&BYTES);
        let feed = *dice.pick(&FEEDS);
        let tag = *dice.pick(&TAGS);
        let file = usize::from(dice.percent(20));
        let as_read = dice.percent(90);
        match dice.below(140) {
            0..=5 => Self::CreateFeed(feed, settings(dice)),
            6..=8 => Self::UpdateFeed(feed, dice.pick::<&str>(&FEEDS), settings(dice)),
            9 => Self::DeleteFeed(feed),
            10..=21 => Self::Reserve { bytes, fresh: sample::blob_key(bytes), long: dice.percent(30) },
            22..=45 => {
                let mode = if dice.percent(50) { TagMode::Move } else { TagMode::IfAbsent };
                let tag = dice.percent(50).then_some((tag, mode));
                let words = [*dice.pick(&WORDS), *dice.pick(&WORDS)];
                let at = if dice.percent(80) { anywhere } else { place };
                recent.push(at);
                recent.drain(..recent.len().saturating_sub(12));
                Self::AddFile { at, file, bytes, right_key: as_read, tag, words }
            }
            46..=49 => Self::SetTag(place, tag),
            50..=51 => Self::RemoveTag(place, tag),
            52..=56 => Self::SetStatus(place, status(dice)),
            57..=60 => Self::RemoveVersion(place),
            61..=63 => Self::RemoveFile(place, file),
            64..=65 => Self::RemovePackage(place),
            66..=68 => Self::CountDownloads(vec![(place, file, 1 + dice.roll() % 5), (place, 0, 2)]),
            69..=73 => Self::Condemn { bytes, as_read },
            74..=79 => Self::Doom { bytes, as_read },
            80 => Self::DoomStray(sample::blob_key(bytes)),
            81 => Self::DoomKnown(bytes),
            82 => Self::ForgetFirst,
            83..=85 => {
                let password = dice.percent(50).then_some("hash");
                let name = dice.pick::<&str>(&USERS);
                Self::CreateUser { name, first: dice.percent(30), password, rights: rights(dice) }
            }
            86 => Self::SetPassword(dice.pick::<&str>(&USERS), dice.percent(50).then_some("new hash")),
            87 => Self::SetRights(dice.pick::<&str>(&USERS), rights(dice)),
            88 => Self::DeleteUser(dice.pick::<&str>(&USERS)),
            89..=91 => {
                let kind = *dice.pick(&[KeyKind::System, KeyKind::Feed, KeyKind::Personal]);
                let user = (kind == KeyKind::Personal).then(|| *dice.pick(&USERS));
                Self::CreateKey { text: dice.pick::<&str>(&KEYS), kind, user }
            }
            92 => Self::RevokeKey(dice.pick::<&str>(&KEYS)),
            93..=94 => Self::Witness { as_read, next: Uuid::new_v4() },
            95 => Self::StopDeletes("they differ"),
            96 => Self::ConfirmDeletes,
            97..=99 => Self::Plant { above: *dice.pick(&[-1, 0, 1, 1, 1, 7]), holder: Incarnation::random() },
            _ => Self::Work(Work::random(dice)),
        }
    }
}

fn settings(dice: &mut Dice) -> FeedSettings {
    let alternates =
        if dice.percent(30) { vec![sample::feed_name(dice.pick::<&str>(&FEEDS))] } else { Vec::new() };
    FeedSettings {
        description: (*dice.pick(&WORDS)).to_owned(),
        active: dice.percent(80),
        alternate_names: alternates,
        anonymous_view: dice.percent(50),
        overwrite: if dice.percent(50) { Overwrite::Never } else { Overwrite::Allowed },
        ..FeedSettings::default()
    }
}

fn status(dice: &mut Dice) -> VersionStatus {
    VersionStatus {
        listed: dice.percent(50),
        download: *dice.pick(&[Download::ByRule, Download::Allowed, Download::Blocked]),
        deprecated: dice.percent(40).then(|| (*dice.pick(&WORDS)).to_owned()),
    }
}

fn rights(dice: &mut Dice) -> Rights {
    let may = Permissions {
        view: dice.percent(50),
        add: dice.percent(50),
        promote: dice.percent(50),
        delete: dice.percent(50),
    };
    let feeds = if dice.percent(60) { vec![FeedRight { scope: FeedScope::All, may }] } else { Vec::new() };
    Rights { full_control: dice.percent(20), manage_feeds: dice.percent(20), feeds }
}
