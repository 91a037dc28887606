//! Orders about the encryption keys. They hold fingerprints and never a key.

use super::order::{Failure, Outcome};
use crate::plain::sentence;
use proget_cluster::node::Cluster;
use proget_core::cluster::NodeName;
use proget_core::keys::Fingerprint;
use proget_core::{Principal, Problem};
use serde::{Deserialize, Serialize};

/// An order about the encryption keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOrder {
    /// Which keys there are, who has them, what needs them.
    Report,
    /// This key is to seal from now on.
    Promote(Fingerprint),
    /// Old values are to be sealed anew once more.
    Reseal,
    /// This key may go.
    Retire(Fingerprint),
}

pub(super) async fn execute(order: &KeyOrder, cluster: &Cluster) -> Result<Outcome, Failure> {
    let caller = Principal::system();
    match order {
        KeyOrder::Report => {
            Ok(Outcome::EncryptionKeys(Box::new(cluster.key_report(&caller).await.map_err(failure)?)))
        }
        KeyOrder::Promote(key) => {
            let job = cluster.promote_key(&caller, *key).await.map_err(failure)?;
            Ok(Outcome::Done(format!(
                "the key {key} seals now; every server follows at its next beat\n\
                 job {job} seals old values anew; 'proget keys status' tells how far it is"
            )))
        }
        KeyOrder::Reseal => {
            let job = cluster.reseal(&caller).await.map_err(failure)?;
            Ok(Outcome::Done(format!(
                "job {job} seals old values anew; 'proget keys status' tells how far it is"
            )))
        }
        KeyOrder::Retire(key) => {
            let held_by = cluster.retire_key(&caller, *key).await.map_err(failure)?;
            let names: Vec<&str> = held_by.iter().map(NodeName::as_str).collect();
            Ok(Outcome::Done(format!(
                "the key {key} is retired; take it out of the configuration of {} and restart one after the other",
                names.join(", ")
            )))
        }
    }
}

fn failure(problem: Problem) -> Failure {
    Failure(sentence(&problem))
}
