//! What keys promise: known answers that must never change, values that open only where they belong,
//! and the judgements about rings.

use super::*;
use crate::access::Secret;
use crate::catalog::SettingRow;
use crate::cluster::NodeName;
use proptest::prelude::*;
use uuid::Uuid;

mod judging;

fn hex_of(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key 00 01 02 … 1f.
fn counting() -> String {
    hex_of(0..32)
}

fn ring(text: &str) -> KeyRing {
    text.parse().unwrap()
}

fn new_ring(keys: usize) -> KeyRing {
    KeyRing::new((0..keys).map(|_| EncryptionKey::generate().unwrap()).collect()).unwrap()
}

const PASSWORD: Purpose = Purpose::new("test-password");

/// Computed by another implementation, from the RFC. If this test fails, whatever was sealed or signed
/// by an earlier build is lost: it is the code that is wrong.
#[test]
fn what_follows_from_a_key_never_changes() {
    let ring = ring(&counting());
    let key = ring.fingerprints()[0];
    assert_eq!(key.to_string(), "b6d91424c0b3e0ad");
    let session = ring.session_keys(key).unwrap();
    for (derived, expected) in [
        (session.validation, "a86ecd3bcb6ed1415b9a28e9aeffd929280717481fe23ef7c32c5f3d08a159b7"),
        (session.encryption, "f68fb3ab8fe086d754c371383f83b583438ab0e4b4d544d12938a4a9a589ec18"),
        (
            ring.messenger_key(key).unwrap(),
            "34a194bfc0dd88dacde66c5829ec8b40046c8d9a3a477edde7e45e0dbeef2075",
        ),
    ] {
        assert_eq!(hex_of(*derived.reveal()), expected);
    }
    let stretched: EncryptionKey = hex_of(0..16).parse().unwrap();
    assert_eq!(stretched.fingerprint().to_string(), "e9901eef20f6ff40");
    assert_eq!(stretched.text().reveal(), "45bb17ac35e096e00e2ccedf24531eb6a3249ea54d42fbe048d86099da3715a5");
}

/// Sealed by another implementation with the nonce 64 65 66 ….
#[test]
fn a_sealed_value_reads_as_it_always_did() {
    let ring = ring(&counting());
    let text = "v1.b6d91424c0b3e0ad.ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp77jW_1SNDIIw3GFnYPJh7UsKLHpcSSIXIMRY02Hs";
    let purpose = PASSWORD.of(7);
    assert_eq!(ring.open(&purpose, &text.parse().unwrap()).unwrap().reveal(), b"correct horse");
    let nonce: [u8; 24] = std::array::from_fn(|at| 100 + at as u8);
    let again = ring.seal_with_nonce(&purpose, b"correct horse", ring.fingerprints()[0], &nonce).unwrap();
    assert_eq!(again.to_string(), text);
}

#[test]
fn a_machine_key_leads_to_the_same_session_keys_for_ever() {
    let key = MachineKey::new(hex_of(0..64).parse().unwrap(), hex_of(0..24).parse().unwrap()).unwrap();
    let session = key.session_keys();
    for (derived, expected) in [
        (session.validation, "09714a22b6c6fc7b5d1ff9ffa77615629d67f81463c44e729d3669af727c0e4c"),
        (session.encryption, "203d036295c5b0288fc369a2f9e0f82fca92f72fd5a574e5d666f3c775f4d9ba"),
    ] {
        assert_eq!(hex_of(*derived.reveal()), expected);
    }
    assert_eq!(key.fingerprint().to_string(), "6d998cd6c5196ced");
}

#[test]
fn a_generated_key_and_machine_key_are_read_back_as_themselves() {
    let key = EncryptionKey::generate().unwrap();
    assert_eq!(key.text().reveal().parse::<EncryptionKey>().unwrap(), key);
    assert_eq!(key.text().reveal().to_ascii_uppercase().parse::<EncryptionKey>().unwrap(), key);
    assert_ne!(EncryptionKey::generate().unwrap(), key);
    let machine = MachineKey::generate().unwrap();
    let (validation, decryption) = machine.texts();
    assert_eq!((validation.reveal().len(), decryption.reveal().len()), (128, 64));
    let again = MachineKey::new(validation.reveal().parse().unwrap(), decryption.reveal().parse().unwrap());
    assert_eq!(again.unwrap(), machine);
}

#[test]
fn a_text_that_is_no_key_is_refused_with_the_reason_and_without_the_text() {
    let secret = "c0ffee";
    for (text, reason) in [
        (secret.repeat(10), "60 characters; expected 64 hexadecimal digits (32 bytes), or the 32 digits"),
        (secret.repeat(5) + "é", "31 characters"),
        (secret.repeat(5) + "0g", "character 32 is none of"),
        (secret.repeat(5) + "é0", "character 31 is none of"),
        ("ab".repeat(32), "placeholder"),
        (String::new(), "0 characters"),
    ] {
        let said = text.parse::<EncryptionKey>().unwrap_err().to_string();
        assert!(said.contains(reason) && !said.contains(secret), "{said}");
    }
    let short = hex_of(0..31).parse::<ValidationKey>().unwrap_err().to_string();
    assert!(short.contains("62 characters; expected 64 to 128"), "{short}");
    let swapped = hex_of(0..64).parse::<DecryptionKey>().unwrap_err().to_string();
    assert!(swapped.contains("128 characters; expected 32, 48 or 64"), "{swapped}");
    assert!(MachineKey::new(counting().parse().unwrap(), counting().parse().unwrap()).is_err());
}

#[test]
fn a_ring_takes_keys_in_lists_and_lines_and_none_of_them_twice() {
    let (one, two) = (counting(), hex_of(1..33));
    for text in [format!("{one},{two}"), format!("{one} , {two}"), format!("{one}\n{two}\r\n")] {
        assert_eq!(ring(&text).fingerprints().len(), 2, "{text:?}");
    }
    let same = format!("{one},{two},{}", one.to_ascii_uppercase()).parse::<KeyRing>().unwrap_err();
    assert_eq!(same, RingError::Twice { first: 1, second: 3 });
    assert_eq!(" ,\n".parse::<KeyRing>(), Err(RingError::Empty));
    let broken = format!("{one},12").parse::<KeyRing>().unwrap_err();
    let said = crate::problem::chain(&broken);
    assert!(said.starts_with("key 2 of 2 cannot be used: it has 2 characters"), "{said}");
}

#[test]
fn nothing_that_is_printed_shows_a_key_or_what_was_opened() {
    let ring = ring(&counting());
    let sealed = ring.seal(&PASSWORD, b"correct horse", ring.fingerprints()[0]).unwrap();
    let opened = ring.open(&PASSWORD, &sealed).unwrap();
    let machine = MachineKey::new(counting().parse().unwrap(), hex_of(1..33).parse().unwrap()).unwrap();
    let all = format!(
        "{ring:?} {opened:?} {machine:?} {:?} {:?} {sealed:?}",
        machine.session_keys(),
        Secret::new(counting())
    );
    for secret in ["0001020304", "0102030405", "[0, 1, 2", "[1, 2, 3", "correct", "99, 111"] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[test]
fn a_value_names_the_key_that_is_missing() {
    let (here, there) = (new_ring(1), new_ring(1));
    let key = there.fingerprints()[0];
    let sealed = there.seal(&PASSWORD, b"x", key).unwrap();
    assert_eq!(here.open(&PASSWORD, &sealed).unwrap_err(), OpenError::Missing(KeyMissing(key)));
    assert_eq!(here.seal(&PASSWORD, b"x", key).unwrap_err(), SealError::Missing(KeyMissing(key)));
    assert!(KeyMissing(key).to_string().contains(&key.to_string()));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..200)
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_with_its_ring_and_looks_different_each_time(content in bytes(), row: u64) {
        let ring = new_ring(3);
        let purpose = PASSWORD.of(row);
        for key in ring.fingerprints() {
            let sealed = ring.seal(&purpose, &content, key).unwrap();
            prop_assert_eq!(sealed.key(), key);
            let read: Sealed = sealed.to_string().parse().unwrap();
            prop_assert_eq!(&read, &sealed);
            let opened = ring.open(&purpose, &read).unwrap();
            prop_assert_eq!(opened.reveal(), &content[..]);
            prop_assert_ne!(ring.seal(&purpose, &content, key).unwrap(), sealed);
        }
    }

    #[test]
    fn a_sealed_value_opens_nowhere_else(content in bytes(), row: u32, other: u32) {
        let ring = new_ring(1);
        let sealed = ring.seal(&PASSWORD.of(row), &content, ring.fingerprints()[0]).unwrap();
        for elsewhere in [PASSWORD, Purpose::new("test-passwor").of(format!("d{row}")), Purpose::new("other").of(row)] {
            let told = ring.open(&elsewhere, &sealed);
            prop_assert!(matches!(told, Err(OpenError::Broken { .. })), "{:?}", told);
        }
        prop_assert_eq!(ring.open(&PASSWORD.of(other), &sealed).is_ok(), row == other);
    }

    /// Every bit counts: nonce, ciphertext, tag and the key's name.
    #[test]
    fn a_sealed_value_that_was_altered_does_not_open(content in bytes(), at: prop::sample::Index, bit in 0..6u32) {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let ring = new_ring(2);
        let sealed = ring.seal(&PASSWORD, &content, ring.fingerprints()[0]).unwrap();
        let mut text = sealed.to_string().into_bytes();
        let body = text.iter().rposition(|byte| *byte == b'.').unwrap() + 1;
        let at = body + at.index(text.len() - body);
        let digit = DIGITS.iter().position(|digit| *digit == text[at]).unwrap();
        text[at] = DIGITS[digit ^ (1 << bit)];
        // A bit that no byte has is refused when it is read.
        if let Ok(altered) = String::from_utf8(text).unwrap().parse::<Sealed>() {
            prop_assert!(ring.open(&PASSWORD, &altered).is_err());
        }
        // Under the name of another key of the ring it does not open either.
        let renamed = sealed.to_string().replace(&sealed.key().to_string(), &ring.fingerprints()[1].to_string());
        prop_assert!(ring.open(&PASSWORD, &renamed.parse().unwrap()).is_err());
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_written_the_same(text in "(v1\\.)?[0-9a-f]{0,17}\\.?[A-Za-z0-9_-]{0,80}") {
        if let Ok(sealed) = text.parse::<Sealed>() {
            prop_assert_eq!(sealed.to_string(), text);
        }
    }

    #[test]
    fn any_32_bytes_are_a_key_whose_text_leads_back_to_it(bytes: [u8; 32]) {
        prop_assume!(bytes.iter().any(|byte| *byte != bytes[0]));
        let key: EncryptionKey = hex_of(bytes).parse().unwrap();
        let text = key.text();
        prop_assert_eq!(text.reveal(), hex_of(bytes));
        prop_assert_eq!(key.fingerprint().to_string().parse::<Fingerprint>().unwrap(), key.fingerprint());
    }
}
