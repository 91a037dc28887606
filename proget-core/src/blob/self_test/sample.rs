//! Files for a trial: noise, so that nothing between can make it smaller.

use crate::artifact::Artifact;
use crate::blob::BlobKey;
use crate::digest::DigestSet;
use bytes::Bytes;
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) key: BlobKey,
    pub(super) artifact: Artifact,
    pub(super) bytes: Bytes,
}

impl Sample {
    pub(super) fn of(size: usize) -> Self {
        let bytes = noise(size);
        let artifact = Artifact::in_memory(bytes.clone(), DigestSet::default());
        Self { key: BlobKey::fresh(artifact.digests().sha256), artifact, bytes }
    }
}

/// Good enough to be incompressible (xorshift64*), never the same twice.
fn noise(size: usize) -> Bytes {
    let (mut state, _) = Uuid::new_v4().as_u64_pair();
    state |= 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}
