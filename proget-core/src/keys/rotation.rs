//! Exchanging a key without a pause: promoting a new one, retiring the old.
//!
//! Add the new key to every server → [`promote`] it → seal the old values anew → [`retire`] the old one
//! and take it away from every server. These are judgements over what was read; what they allow is
//! committed expecting that it has not changed. A server that joins in between without the new key is
//! found out by its own [`admit`](super::admit()), so it cannot act on what it cannot read.

use super::key::Fingerprint;
use super::ring::{KeyRing, SealError};
use super::settings::{CANARY, KeyChange, KeySettings, RETIRED, expect_sealing};
use crate::catalog::{Expect, InstanceChange};
use crate::cluster::NodeName;
use uuid::Uuid;

/// The kind of job that seals old values anew; wanted by the commit that promotes a key.
pub const RESEAL: &str = "reseal";

/// The keys of one node, as its card in the roster tells them. Every node that was not removed counts,
/// also one that is lost: it may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKeys {
    /// Its name.
    pub node: NodeName,
    /// The fingerprints of its keys.
    pub keys: Vec<Fingerprint>,
    /// Is it here?
    pub here: bool,
}

fn names(nodes: &[NodeKeys]) -> String {
    let told = nodes.iter().map(|node| match node.here {
        true => node.node.to_string(),
        false => format!("{} (away)", node.node),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Why a key is not promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionRefused {
    /// It is the one that seals already.
    #[error("the key {0} already seals")]
    Already(Fingerprint),
    /// It was retired: some servers may have dropped it by now, and it may have been lost.
    #[error("the key {0} was retired; make a new one with 'proget keys generate'")]
    Retired(Fingerprint),
    /// This server has not got it, so it cannot seal the canary.
    #[error("this server has not got the key {0}; add it, or ask a server that has it")]
    NotHere(Fingerprint),
    /// Nodes that were not removed lack it.
    #[error("the key {key} is lacked by {}; add it there, or remove nodes that will not come back", names(.nodes))]
    Lacked {
        /// The key.
        key: Fingerprint,
        /// Who lacks it.
        nodes: Vec<NodeKeys>,
    },
    /// The canary could not be made.
    #[error("the canary cannot be sealed: {0}")]
    Sealing(#[from] SealError),
}

/// From now on this key seals.
///
/// # Errors
/// Why not.
pub fn promote(
    key: Fingerprint,
    ring: Option<&KeyRing>,
    settings: &KeySettings,
    nodes: &[NodeKeys],
    installation: Uuid,
) -> Result<KeyChange, PromotionRefused> {
    if settings.sealing == Some(key) {
        return Err(PromotionRefused::Already(key));
    }
    if settings.retired.contains(&key) {
        return Err(PromotionRefused::Retired(key));
    }
    let Some(ring) = ring.filter(|ring| ring.has(key)) else {
        return Err(PromotionRefused::NotHere(key));
    };
    let lacking: Vec<NodeKeys> = nodes.iter().filter(|node| !node.keys.contains(&key)).cloned().collect();
    if !lacking.is_empty() {
        return Err(PromotionRefused::Lacked { key, nodes: lacking });
    }
    Ok(KeyChange::new(settings.sealing, key, ring, installation)?)
}

/// Why a key must stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetirementRefused {
    /// It seals.
    #[error("the key {0} seals; promote another one first")]
    Seals(Fingerprint),
    /// No key seals, so nobody can say what this one is for.
    #[error("this instance names no key that seals; let a server with a key join first")]
    NothingSeals,
    /// It was retired already.
    #[error("the key {0} is retired already; take it out of the configuration of the servers that have it")]
    Already(Fingerprint),
    /// Values sealed with it are left.
    #[error("{left} sealed values still need the key {key}; they are sealed anew in the background")]
    Needed {
        /// The key.
        key: Fingerprint,
        /// How many values.
        left: u64,
    },
    /// Nodes that are here have it and not the one that seals.
    #[error("{} have the key {key} and not the one that seals; give it to them first", names(.nodes))]
    Relied {
        /// The key.
        key: Fingerprint,
        /// Who relies on it.
        nodes: Vec<NodeKeys>,
    },
    /// Nobody has it and nothing needs it: a slip of the pen.
    #[error("no server has a key {0} and nothing is sealed with it")]
    Unknown(Fingerprint),
}

/// A key that may go: to be committed whole or not at all. Refused as
/// [`InstanceChanged`](crate::catalog::Conflict), it is judged anew.
#[derive(Debug, Clone)]
pub struct Retirement {
    /// What must be so.
    pub expect: Vec<Expect>,
    /// What changes.
    pub change: InstanceChange,
    /// What the journal says.
    pub subject: String,
    /// Who still has it and should drop it from its configuration.
    pub held_by: Vec<NodeName>,
}

/// May this key be taken away? `left` is how many values of the whole catalogue are still sealed with
/// it, counted in the very rows that `settings` was read from: while another key seals no new ones come,
/// because every commit of a sealed value expects its key to be the one that seals
/// ([`expect_sealing`]). That another key has sealed all the while shows in the
/// canary, which is a new one after each promotion.
///
/// # Errors
/// Why it must stay.
pub fn retire(
    key: Fingerprint,
    settings: &KeySettings,
    nodes: &[NodeKeys],
    left: u64,
) -> Result<Retirement, RetirementRefused> {
    let sealing = match settings.sealing {
        None => return Err(RetirementRefused::NothingSeals),
        Some(sealing) if sealing == key => return Err(RetirementRefused::Seals(key)),
        Some(_) if left > 0 => return Err(RetirementRefused::Needed { key, left }),
        Some(_) if settings.retired.contains(&key) => return Err(RetirementRefused::Already(key)),
        Some(sealing) => sealing,
    };
    let have: Vec<&NodeKeys> = nodes.iter().filter(|node| node.keys.contains(&key)).collect();
    if have.is_empty() {
        return Err(RetirementRefused::Unknown(key));
    }
    let relies = |node: &&&NodeKeys| node.here && !node.keys.contains(&sealing);
    let relying: Vec<NodeKeys> = have.iter().filter(relies).map(|node| (*node).clone()).collect();
    if !relying.is_empty() {
        return Err(RetirementRefused::Relied { key, nodes: relying });
    }
    let written = |keys: &mut dyn Iterator<Item = Fingerprint>| {
        let texts: Vec<String> = keys.map(|key| key.to_string()).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    };
    let before = written(&mut settings.retired.iter().copied());
    let mut after = settings.retired.clone();
    after.insert(key);
    Ok(Retirement {
        expect: vec![
            expect_sealing(sealing),
            Expect::Setting(CANARY.into(), settings.canary.as_ref().map(ToString::to_string)),
            Expect::Setting(RETIRED.into(), before),
        ],
        change: InstanceChange::Set { name: RETIRED.into(), value: written(&mut after.into_iter()) },
        subject: format!("the key {key} is retired"),
        held_by: have.iter().map(|node| node.node.clone()).collect(),
    })
}
