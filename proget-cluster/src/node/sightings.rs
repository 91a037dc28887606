//! Whose beacons this node has found in its package store. Pure: what was seen goes in, what is believed
//! comes out.
//!
//! The surprise is in a beacon that is missing: it may be missing because its process has left since the
//! roster was read. Whoever leaves gives up its seat first and takes its beacon away then, so a roster that is
//! read after the beacon was missed tells the two apart.

use proget_core::clock::Timestamp;
use proget_core::ids::Incarnation;
use std::collections::BTreeMap;

/// What was made of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// As before.
    Same,
    /// Believed, and something else than before.
    Changed,
    /// Not believed yet: the roster has to be read again.
    Doubted,
}

/// Whose beacons were looked at.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// Whose beacon was looked at last, and whether it was there.
    seen: BTreeMap<Incarnation, (String, bool)>,
    /// Who was found without a beacon, having had one, and when the roster was read that named it.
    doubted: BTreeMap<Incarnation, Timestamp>,
}

impl Sightings {
    /// Only those who are here count.
    pub(super) fn keep(&mut self, here: impl Fn(&Incarnation) -> bool) {
        self.seen.retain(|whose, _| here(whose));
        self.doubted.retain(|whose, _| here(whose));
    }

    /// Was this very beacon looked at?
    pub(super) fn knows(&self, whose: Incarnation, beacon: &str) -> bool {
        self.seen.get(&whose).is_some_and(|(seen, _)| seen == beacon)
    }

    /// Was the beacon there, as far as is believed? `None` if nobody has looked.
    pub(super) fn of(&self, whose: Incarnation) -> Option<bool> {
        self.seen.get(&whose).map(|(_, there)| *there)
    }

    /// Everything that is believed.
    pub(super) fn all(&self) -> impl Iterator<Item = (Incarnation, bool)> {
        self.seen.iter().map(|(whose, (_, there))| (*whose, *there))
    }

    /// A beacon was looked for that a roster named, which was `read` then.
    pub(super) fn note(&mut self, whose: Incarnation, beacon: &str, there: bool, read: Timestamp) -> Noted {
        let before = self.of(whose);
        if !there && before == Some(true) && *self.doubted.entry(whose).or_insert(read) == read {
            return Noted::Doubted;
        }
        self.doubted.remove(&whose);
        self.seen.insert(whose, (beacon.to_owned(), there));
        if before == Some(there) { Noted::Same } else { Noted::Changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_beacon_is_believed_when_a_newer_roster_still_names_its_process() {
        let (mut sightings, one) = (Sightings::default(), Incarnation::random());
        let (first, second) = (Timestamp(1000), Timestamp(1500));
        assert_eq!(sightings.note(one, "1", true, first), Noted::Changed);
        assert!(sightings.knows(one, "1") && !sightings.knows(one, "2"));
        for _ in 0..2 {
            assert_eq!(
                sightings.note(one, "2", false, first),
                Noted::Doubted,
                "the same roster tells no more"
            );
            assert_eq!(sightings.of(one), Some(true));
            assert!(!sightings.knows(one, "2"), "it is looked at again");
        }
        assert_eq!(sightings.note(one, "2", false, second), Noted::Changed);
        assert_eq!(sightings.of(one), Some(false));
        assert_eq!(sightings.note(one, "3", true, second), Noted::Changed);
    }

    #[test]
    fn whoever_has_left_is_forgotten_and_not_thought_to_have_another_store() {
        let (mut sightings, one) = (Sightings::default(), Incarnation::random());
        let read = Timestamp(1000);
        sightings.note(one, "1", true, read);
        assert_eq!(sightings.note(one, "2", false, read), Noted::Doubted);
        sightings.keep(|_| false);
        assert_eq!((sightings.of(one), sightings.all().count()), (None, 0));
    }

    #[test]
    fn whoever_comes_without_a_beacon_is_believed_at_once() {
        let (mut sightings, one) = (Sightings::default(), Incarnation::random());
        let read = Timestamp(1000);
        assert_eq!(sightings.note(one, "1", false, read), Noted::Changed);
        assert_eq!(sightings.note(one, "2", false, read), Noted::Same);
        assert_eq!(sightings.note(one, "3", true, read), Noted::Changed);
    }
}
