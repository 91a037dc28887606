//! The encryption keys of an instance: what they seal, what is derived from them, and how one is
//! exchanged for another without a pause. Pure: settings and rosters are handed in, changes are handed out.
//!
//! - `secret`: bytes that nobody may see; `key`: one key and its fingerprint; `derive`: sub-keys;
//! - `sealed`: a value under a key; `ring`: all keys of a server, which seals and opens;
//! - `machine`: the key pair for sessions that an operator may give instead of the derived one;
//! - `settings`: which key seals, and the canary that shows whether a server has it;
//! - `stored`: sealed values at rest, and sealing them anew; `sessions`: by which keys sessions hold;
//! - `admit`: may this server's ring take part? `rotation`: promoting, retiring; `status`: who has which key.
//!
//! *Every* key of a ring opens; *one* seals, and which one is data of the instance, never the order of
//! a list: two servers that are restarted one after the other have different lists for a while.
//!
//! The cryptography is HKDF-SHA-256 ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)) and
//! XChaCha20-Poly1305 ([draft-irtf-cfrg-xchacha](https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha-03)),
//! both from libraries. The extended nonce has 192 bits, so servers that know nothing of each other may
//! each draw theirs at random.

mod admit;
mod derive;
mod hex;
mod key;
mod machine;
mod ring;
mod rotation;
mod sealed;
mod secret;
mod sessions;
mod settings;
mod status;
mod stored;
#[cfg(test)]
mod tests;

pub use admit::{Admission, Misfit, admit};
pub use derive::SessionKeys;
pub use key::{EncryptionKey, Fingerprint, KeyError, MalformedFingerprint};
pub use machine::{DecryptionKey, MachineKey, SameKeys, ValidationKey};
pub use ring::{KeyMissing, KeyRing, OpenError, RingError, SealError};
pub use rotation::{NodeKeys, PromotionRefused, RESEAL, Retirement, RetirementRefused, promote, retire};
pub use sealed::{MalformedSeal, Purpose, Sealed};
pub use secret::{SecretBytes, SecretKey};
pub use sessions::session_keys;
pub use settings::{CANARY, KeyChange, KeySettings, RETIRED, SEALING, UnreadableKeys, expect_sealing};
pub use status::{KeyLine, KeyStatus, Lacking};
pub use stored::{LONGEST_NAME, ResealError, STORED, SecretChange, Stored, UnreadableSecret, values_by_key};
