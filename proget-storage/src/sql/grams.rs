//! Grams: what an index on search texts is made of.
//!
//! A search wants packages whose text *contains* a word, and no ordinary index can say that. But a
//! text that contains a word contains every three bytes in a row of it. So for each package it is
//! written down which threes of bytes occur in the texts of its versions, and a search looks only at
//! packages that have all of its word's. Those are candidates, no more: the text of the version that
//! counts is still compared. So a gram too many costs a look and one too few loses a package, and that
//! makes keeping them simple: grams are only ever added, until the package goes with them.
//!
//! A gram is a number, made of the three bytes and the feed, so that a word that is common in one feed
//! may be rare in another. Numbers that happen to be equal are grams too many.
//!
//! SQLite keeps them in an FTS5 table, PostgreSQL in an array under a GIN index, because both write
//! such an index far more cheaply than a row for each gram. MariaDB has no like of either (its full-text
//! index shows another moment than the snapshot that asks); there, packages are walked through.

use super::dialect::Dialect;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A package with more is a candidate for every word.
pub(super) const MOST: usize = 4096;
/// So many grams of the words are asked for; more would hardly leave fewer candidates.
const ASKED: usize = 24;

/// A few numbers of one feed's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grams {
    feed: i64,
    numbers: BTreeSet<u32>,
}

impl Grams {
    /// Those of a text, or the one that stands for all.
    pub(super) fn of_text(feed: i64, text: &[u8]) -> Self {
        let mut grams = Self { feed, numbers: BTreeSet::new() };
        for three in threes(text) {
            grams.numbers.insert(number(feed, three));
            if grams.numbers.len() > MOST {
                return Self::all(feed);
            }
        }
        grams
    }

    /// Some of those that a text has in which all these words are; none if all are too short.
    pub(super) fn of_words<'w>(feed: i64, words: impl Iterator<Item = &'w [u8]>) -> Option<Self> {
        let numbers: BTreeSet<u32> =
            words.flat_map(|word| threes(word).map(|three| number(feed, three))).collect();
        let step = numbers.len().div_ceil(ASKED).max(1);
        let numbers: BTreeSet<u32> = numbers.into_iter().step_by(step).collect();
        (!numbers.is_empty()).then_some(Self { feed, numbers })
    }

    /// The one that a package with too many has.
    pub(super) fn all(feed: i64) -> Self {
        Self { feed, numbers: BTreeSet::from([mixed(feed.cast_unsigned() | 1 << 63)]) }
    }

    /// Read back from [`written`](Self::written) on SQLite.
    pub(super) fn read(feed: i64, written: &str) -> Self {
        let numbers = written.split(' ').filter_map(|gram| u32::from_str_radix(gram, 16).ok()).collect();
        Self { feed, numbers }
    }

    /// Is everything that has these grams a candidate wherever those are asked for?
    pub(super) fn cover(&self, other: &Self) -> bool {
        self.numbers.is_superset(&other.numbers) || self.numbers.is_superset(&Self::all(self.feed).numbers)
    }

    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.numbers.extend(other.numbers);
        if self.numbers.len() > MOST { Self::all(self.feed) } else { self }
    }

    /// As the database keeps them: words of hexadecimal digits, or an array.
    pub(super) fn written(&self, dialect: Dialect) -> String {
        let mut text = String::with_capacity(self.numbers.len() * 11 + 2);
        let signed = dialect == Dialect::Postgres;
        for number in &self.numbers {
            // Writing to a text cannot fail.
            let _ = match signed {
                true => write!(text, ",{}", number.cast_signed()),
                false => write!(text, " {number:08x}"),
            };
        }
        let text = text.get(1..).unwrap_or_default();
        if signed { format!("{{{text}}}") } else { text.to_owned() }
    }

    /// The value that [`candidates`] takes first; its second is [`all`](Self::all) as it is written.
    pub(super) fn asked(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => self.written(dialect),
            _ => {
                let wanted = self.written(dialect).replace(' ', " AND ");
                format!("({wanted}) OR {}", Self::all(self.feed).written(dialect))
            }
        }
    }
}

/// Every three bytes in a row.
fn threes(text: &[u8]) -> impl Iterator<Item = [u8; 3]> + '_ {
    text.windows(3).filter_map(|three| three.try_into().ok())
}

/// Stays as it is for ever, because these numbers are stored.
fn number(feed: i64, [a, b, c]: [u8; 3]) -> u32 {
    mixed((feed.cast_unsigned() << 24) | u64::from(u32::from_be_bytes([0, a, b, c])))
}

/// Spreads numbers that are alike (the finaliser of SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
fn mixed(number: u64) -> u32 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_contains_a_word_has_its_grams() {
        let text = Grams::of_text(7, "left-pad\0Pads ä string\0padding".as_bytes());
        for word in ["left-pad", "ad\0", "ä s", "padding", "-pa"] {
            let asked = Grams::of_words(7, [word.as_bytes()].into_iter()).unwrap();
            assert!(text.cover(&asked), "{word:?}");
        }
        for (feed, word) in [(7, "right"), (8, "left-pad")] {
            let asked = Grams::of_words(feed, [word.as_bytes()].into_iter()).unwrap();
            assert!(!text.cover(&asked), "{word:?} in feed {feed}");
        }
        assert_eq!(Grams::of_words(7, ["le", "ä", ""].iter().map(|word| word.as_bytes())), None);
    }

    #[test]
    fn too_many_grams_are_all_grams_however_they_came_together() {
        let long = |from: u32| -> Vec<u8> { (from..from + 3000).flat_map(u32::to_be_bytes).collect() };
        let asked = Grams::of_words(1, [&b"anything"[..]].into_iter()).unwrap();
        let at_once = Grams::of_text(1, &long(0x4000_0000).repeat(1));
        let (one, other) = (Grams::of_text(1, &long(0)[..3000]), Grams::of_text(1, &long(0x7788_0000)));
        let joined = one.clone().and(other.clone());
        assert_eq!(at_once, Grams::all(1));
        assert!(joined.cover(&asked) && joined.cover(&one) && !one.cover(&asked));
    }

    #[test]
    fn numbers_are_those_that_are_stored_and_are_read_back() {
        let grams = Grams::of_words(3, [&b"pads"[..]].into_iter()).unwrap();
        assert_eq!(Grams::read(3, &grams.written(Dialect::Sqlite)), grams);
        assert_eq!(grams.written(Dialect::Sqlite), "02293bd8 47963f88");
        assert_eq!(grams.written(Dialect::Postgres), "{36256728,1201029000}");
        assert_eq!(grams.asked(Dialect::Sqlite), "(02293bd8 AND 47963f88) OR 37bdf98e");
    }

    #[test]
    fn a_long_text_is_not_asked_for_whole() {
        let words = "a_rather_long_word_that_somebody_looks_for_all_the_same";
        let asked = Grams::of_words(3, [words.as_bytes()].into_iter()).unwrap();
        assert!((ASKED / 2..=ASKED).contains(&asked.numbers.len()), "{}", asked.numbers.len());
        assert!(Grams::of_text(3, words.as_bytes()).cover(&asked));
    }
}
