//! The suite of [`FeedFormat`]: its samples, and many more made of their pieces.

use super::dice::Dice;
use crate::artifact::Artifact;
use crate::format::FeedFormat;
use crate::package::{NameKey, Offer, OrderKey, PackageName, Version, VersionKey};
use crate::refusal::Refusal;
use std::cmp::Ordering;
use std::io::Cursor;

/// Tries every promise of a format that can be tried without knowing it.
///
/// # Panics
/// At the first promise that is broken; random trials print the seed that repeats them.
pub fn format(format: &dyn FeedFormat) {
    let mut dice = Dice::new();
    identity(format);
    names(format);
    versions(format);
    made_up_names(format, &mut dice);
    made_up_versions(format, &mut dice);
    long_texts(format, &mut dice);
    garbage(format, &mut dice);
}

fn identity(format: &dyn FeedFormat) {
    assert_eq!(format.id(), format.id(), "a format's id never changes");
    assert!(!format.title().is_empty() && !format.purl_type().is_empty(), "a format is called something");
    let samples = format.samples();
    assert!(
        samples.names.len() >= 3 && samples.bad_names.len() >= 3,
        "too few sample names to show anything"
    );
    assert!(samples.versions.len() >= 5 && samples.bad_versions.len() >= 3, "too few sample versions");
}

fn names(format: &dyn FeedFormat) {
    let samples = format.samples();
    for raw in samples.names {
        let name =
            format.name(raw).unwrap_or_else(|refusal| panic!("sample name {raw:?} is refused: {refusal}"));
        check_name(format, raw, &name);
    }
    for raw in samples.bad_names {
        let refusal = format.name(raw).err().unwrap_or_else(|| panic!("bad sample name {raw:?} is accepted"));
        check_refusal(raw, &refusal);
    }
    for spellings in samples.same_names {
        let keys: Vec<NameKey> =
            spellings.iter().map(|raw| format.name(raw).expect("a spelling").key().clone()).collect();
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{spellings:?} are one package: {keys:?}");
    }
}

fn versions(format: &dyn FeedFormat) {
    let samples = format.samples();
    let parse = |raw: &&str| {
        let version = format.version(raw);
        let version =
            version.unwrap_or_else(|refusal| panic!("sample version {raw:?} is refused: {refusal}"));
        check_version(format, raw, &version);
        version
    };
    let versions: Vec<Version> = samples.versions.iter().map(parse).collect();
    for (at, left) in versions.iter().enumerate() {
        for (other, right) in versions.iter().enumerate() {
            let (left_raw, right_raw) = (samples.versions[at], samples.versions[other]);
            assert_eq!(check_pair(format, left, right), at.cmp(&other), "{left_raw:?} and {right_raw:?}");
            assert_eq!(
                left.key() == right.key(),
                at == other,
                "{left_raw:?} and {right_raw:?} have keys of their own"
            );
        }
    }
    for raw in samples.bad_versions {
        let refusal =
            format.version(raw).err().unwrap_or_else(|| panic!("bad sample version {raw:?} is accepted"));
        check_refusal(raw, &refusal);
    }
}

fn check_name(format: &dyn FeedFormat, raw: &str, name: &PackageName) {
    assert!(!name.key().as_str().is_empty(), "{raw:?} has an empty key");
    assert!(
        name.key().as_str().len() <= NameKey::MAX_BYTES,
        "the key of {raw:?} is too long for a catalogue"
    );
    let again = format.name(name.as_str()).unwrap_or_else(|refusal| {
        panic!("{raw:?} was accepted as {:?}, which is then refused: {refusal}", name.as_str())
    });
    assert_eq!(again, *name, "{raw:?} does not survive its own spelling");
}

fn check_version(format: &dyn FeedFormat, raw: &str, version: &Version) {
    assert!(version.key().as_str().len() <= VersionKey::MAX_BYTES, "the key of {raw:?} is too long");
    assert!(version.order().0.len() <= OrderKey::MAX_BYTES, "the order key of {raw:?} is too long");
    let again = format.version(version.as_str()).unwrap_or_else(|refusal| {
        panic!("{raw:?} was accepted as {:?}, which is then refused: {refusal}", version.as_str())
    });
    assert_eq!(again, *version, "{raw:?} does not survive its own spelling");
}

fn check_refusal(raw: &str, refusal: &Refusal) {
    assert!(
        !refusal.field.is_empty() && !refusal.rule.is_empty(),
        "{raw:?} is refused without field or rule"
    );
}

/// Holds the order keys of two versions against the format's own comparison.
fn check_pair(format: &dyn FeedFormat, left: &Version, right: &Version) -> Ordering {
    let own = format.compare(left.as_str(), right.as_str()).expect("both are accepted");
    let back = format.compare(right.as_str(), left.as_str()).expect("both are accepted");
    assert_eq!(own, back.reverse(), "{left} and {right} compare differently from either side");
    assert_eq!(
        left.order().cmp(right.order()),
        own,
        "the order keys of {left} and {right} disagree with the format"
    );
    if left.key() == right.key() {
        assert_eq!(own, Ordering::Equal, "{left} and {right} have one key, so they are one version");
    }
    own
}

const NUMBERS: [&str; 6] = ["0", "1", "9", "10", "00", "18446744073709551616"];
const MARKS: [&str; 11] = [".", "-", "+", "_", "~", "!", "/", " ", "a", "Z", "é"];

/// A text made of the samples' pieces: cut, joined, doubled, sprinkled.
fn made_up(dice: &mut Dice, samples: &[&str]) -> String {
    let mut text = (*dice.pick(samples)).to_owned();
    for _ in 0..=dice.below(3) {
        let at = |dice: &mut Dice, text: &str| {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            *dice.pick(&places)
        };
        match dice.below(6) {
            0 => {
                let other = *dice.pick(samples);
                let (cut, from) = (at(dice, &text), at(dice, other));
                text = format!("{}{}", &text[..cut], &other[from..]);
            }
            1 => text.insert_str(at(dice, &text), dice.pick::<&str>(&NUMBERS)),
            2 => text.insert_str(at(dice, &text), dice.pick::<&str>(&MARKS)),
            3 => text.truncate(at(dice, &text)),
            4 => {
                let from = at(dice, &text);
                text.drain(..from);
            }
            _ => text = format!("{text}{}", text.clone()),
        }
    }
    text
}

fn made_up_names(format: &dyn FeedFormat, dice: &mut Dice) {
    let samples = format.samples();
    for _ in 0..5_000 {
        let raw = made_up(dice, samples.names);
        match format.name(&raw) {
            Ok(name) => check_name(format, &raw, &name),
            Err(refusal) => check_refusal(&raw, &refusal),
        }
    }
}

fn made_up_versions(format: &dyn FeedFormat, dice: &mut Dice) {
    let samples = format.samples();
    let mut accepted: Vec<Version> =
        samples.versions.iter().filter_map(|raw| format.version(raw).ok()).collect();
    for _ in 0..20_000 {
        let raw = made_up(dice, samples.versions);
        match format.version(&raw) {
            Ok(version) => {
                check_version(format, &raw, &version);
                accepted.push(version);
            }
            Err(refusal) => check_refusal(&raw, &refusal),
        }
    }
    assert!(
        accepted.len() > 200,
        "only {} made-up versions are accepted: the samples are too alike",
        accepted.len()
    );
    for _ in 0..50_000 {
        let (left, right) = (dice.pick(&accepted).clone(), dice.pick(&accepted).clone());
        check_pair(format, &left, &right);
    }
}

/// What is too long for a catalogue must be refused in the format's own words.
fn long_texts(format: &dyn FeedFormat, dice: &mut Dice) {
    let samples = format.samples();
    for length in [200, 214, 215, 250, 255, 256, 257, 300, 699, 700, 701, 1_000, 100_000] {
        for (samples, is_name) in [(samples.names, true), (samples.versions, false)] {
            let mut texts =
                vec!["1".repeat(length), "a".repeat(length), format!("1.0.0-{}", "a".repeat(length))];
            texts.push(format!("1.0.0-{}1", "1.".repeat(length / 2)));
            texts.push(dice.pick(samples).repeat(length / 4));
            texts.push(format!("{}{}", dice.pick(samples), "1".repeat(length)));
            texts.push(format!("{}{}", dice.pick(samples), "z".repeat(length)));
            for raw in texts {
                match is_name {
                    true => drop(format.name(&raw).map(|name| check_name(format, &raw, &name))),
                    false => drop(format.version(&raw).map(|version| check_version(format, &raw, &version))),
                }
            }
        }
    }
}

/// No input makes a format panic.
fn garbage(format: &dyn FeedFormat, dice: &mut Dice) {
    for round in 0..2_000 {
        let length = dice.below(if round % 100 == 0 { 5_000 } else { 60 });
        let bytes: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        drop((format.name(&text), format.version(&text), format.compare(&text, "1.0.0")));
        let artifact = Artifact::in_memory(bytes.clone(), format.digests());
        let offer = Offer { name: Some(text.clone()), version: Some(text), ..Offer::default() };
        for offer in [Offer::default(), offer] {
            if let Err(refusal) = format.inspect(&mut Cursor::new(&bytes), &artifact, &offer) {
                check_refusal("an artifact of random bytes", &refusal);
            }
        }
    }
}
