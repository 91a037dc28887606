//! What one version of a package was sent as, what was acknowledged, and what may therefore be
//! found when the server is back.

use anyhow::{bail, ensure};
use proget_core::conformance::Dice;
use proget_core::digest::Sha256;
use proget_tests::Outcome;

use super::kind::Kind;

/// Contents that can be made again instead of being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    seed: u64,
    size: usize,
}

impl Contents {
    /// Between one KiB and four MiB, small ones as likely as large ones.
    pub(super) fn any(dice: &mut Dice) -> Self {
        let size = 1 << (10 + dice.below(12));
        Self { seed: dice.roll(), size: size + dice.below(size) }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        let mut dice = Dice::seeded(self.seed);
        let mut bytes: Vec<u8> = (0..self.size.div_ceil(8)).flat_map(|_| dice.roll().to_le_bytes()).collect();
        bytes.truncate(self.size);
        bytes
    }
}

/// One version of a package, in one connection's hands only.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) version: String,
    /// What was sent and neither acknowledged nor refused, with its digest.
    tried: Vec<(Contents, Sha256)>,
    acknowledged: Option<(Contents, Sha256)>,
    /// Something happened to it since it was last looked at.
    pub(super) fresh: bool,
}

/// What the answer to a publish was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is published.
    Yes,
    /// Other contents are there.
    No,
    /// Nobody knows.
    None,
}

impl Entry {
    pub(super) fn new(kind: Kind, name: String, version: String) -> Self {
        Self { kind, name, version, tried: Vec::new(), acknowledged: None, fresh: true }
    }

    /// Contents that it may already have.
    pub(super) fn known(&self) -> Option<Contents> {
        self.acknowledged.or(self.tried.last().copied()).map(|(contents, _)| contents)
    }

    /// Notes an answer, and objects to one that contradicts an earlier one.
    pub(super) fn note(&mut self, contents: Contents, digest: Sha256, answer: Answer) -> Outcome {
        let what = self.what();
        self.fresh = true;
        let same = self.acknowledged.as_ref().map(|(_, there)| there.matches(&digest));
        match (answer, same) {
            (Answer::Yes, Some(false)) => bail!("{what} was published over"),
            (Answer::No, Some(true)) => bail!("{what} was refused although it has these very bytes"),
            (Answer::No, None) => {
                // Then one of the earlier attempts had come through; which one is seen later.
                ensure!(!self.tried.is_empty(), "{what} was refused although nobody had published it");
                ensure!(
                    !self.tried.iter().all(|(_, tried)| tried.matches(&digest)),
                    "{what} was refused although only these bytes were ever sent"
                );
            }
            (Answer::Yes, _) => self.acknowledged = Some((contents, digest)),
            (Answer::None, None) => self.tried.push((contents, digest)),
            (Answer::No, Some(false)) | (Answer::None, Some(_)) => {}
        }
        Ok(())
    }

    /// Judges what was found; what is found is from now on expected.
    pub(super) fn judge(&mut self, listed: bool, found: Option<Sha256>) -> Outcome {
        let what = self.what();
        ensure!(
            listed == found.is_some(),
            "{what} is listed: {listed}, but its file is there: {}",
            found.is_some()
        );
        self.fresh = false;
        match (&self.acknowledged, found) {
            (Some(_), None) => bail!("{what} was acknowledged and is gone"),
            (Some((_, expected)), Some(found)) => {
                ensure!(expected.matches(&found), "{what} was acknowledged and has other bytes now");
            }
            // Nothing is under way any more, so it must stay away.
            (None, None) => self.tried.clear(),
            (None, Some(found)) => {
                let came_through = self.tried.iter().find(|(_, tried)| tried.matches(&found)).copied();
                ensure!(came_through.is_some(), "{what} has bytes that nobody sent");
                self.acknowledged = came_through;
            }
        }
        Ok(())
    }

    fn what(&self) -> String {
        format!("{} {} {}", self.kind.name(), self.name, self.version)
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged.is_some()
    }
}

#[test]
fn what_was_acknowledged_may_neither_vanish_nor_change_and_the_rest_may_not_be_half_there() -> Outcome {
    let contents = Contents { seed: 1, size: 10 };
    let (mine, other) = (Sha256::of(b"mine"), Sha256::of(b"other"));
    let entry = Entry::new(Kind::Npm, "a".into(), "1.0.0".into());
    let mut acknowledged = entry.clone();
    acknowledged.note(contents, mine, Answer::Yes)?;
    assert!(acknowledged.clone().judge(true, Some(mine)).is_ok());
    assert!(acknowledged.clone().judge(false, None).is_err(), "lost");
    assert!(acknowledged.clone().judge(true, Some(other)).is_err(), "changed");
    assert!(acknowledged.clone().judge(false, Some(mine)).is_err(), "not listed");
    assert!(acknowledged.clone().note(contents, other, Answer::Yes).is_err(), "published over");
    let mut in_doubt = entry.clone();
    in_doubt.note(contents, mine, Answer::None)?;
    assert!(in_doubt.clone().judge(false, None).is_ok());
    assert!(in_doubt.clone().judge(true, None).is_err(), "half there");
    assert!(in_doubt.clone().judge(true, Some(other)).is_err(), "nobody sent that");
    in_doubt.judge(true, Some(mine))?;
    assert!(in_doubt.judge(false, None).is_err(), "it was seen, and is gone");
    Ok(())
}
