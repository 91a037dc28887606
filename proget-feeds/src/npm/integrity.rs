//! Holding what a client claims about its tarball against what was measured.
//!
//! `dist.integrity` follows <https://w3c.github.io/webappsec-subresource-integrity/>: several
//! hashes may stand there, and of each algorithm at least one must be right. Algorithms that were
//! not measured are passed over, because what is published is made of what was measured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_core::digest::{Digests, Sha1};
use proget_core::refusal::Refusal;

const SEE: &str = "https://w3c.github.io/webappsec-subresource-integrity/";

/// The `integrity` of bytes with these digests: SHA-512, or SHA-1 if that is all there is.
pub(crate) fn of(digests: &Digests) -> String {
    match (&digests.sha512, &digests.sha1) {
        (Some(sha512), _) => format!("sha512-{}", STANDARD.encode(sha512.0)),
        (None, Some(sha1)) => format!("sha1-{}", STANDARD.encode(sha1.0)),
        (None, None) => format!("sha256-{}", STANDARD.encode(digests.sha256.0)),
    }
}

/// Does a claimed `integrity` hold?
pub(crate) fn verify(claimed: &str, measured: &Digests) -> Result<(), Refusal> {
    let known: [(&str, Option<&[u8]>); 3] = [
        ("sha512", measured.sha512.as_ref().map(|digest| &digest.0[..])),
        ("sha256", Some(&measured.sha256.0[..])),
        ("sha1", measured.sha1.as_ref().map(|digest| &digest.0[..])),
    ];
    for (algorithm, digest) in known {
        let Some(digest) = digest else { continue };
        let mut claims = claimed.split_ascii_whitespace().filter_map(|hash| {
            let (name, rest) = hash.split_once('-')?;
            name.eq_ignore_ascii_case(algorithm).then(|| rest.split('?').next().unwrap_or_default())
        });
        let Some(first) = claims.next() else { continue };
        let right = |claim: &str| STANDARD.decode(claim).is_ok_and(|bytes| bytes == digest);
        if !right(first) && !claims.any(right) {
            let rule =
                format!("does not match the tarball, whose {algorithm} is {}", STANDARD.encode(digest));
            return Err(Refusal::new("dist.integrity", rule).see(SEE));
        }
    }
    Ok(())
}

/// Does a claimed `shasum` hold?
pub(crate) fn verify_shasum(claimed: &str, measured: &Digests) -> Result<(), Refusal> {
    let Some(sha1) = measured.sha1 else { return Ok(()) };
    match claimed.parse::<Sha1>() {
        Ok(claimed) if claimed == sha1 => Ok(()),
        _ => Err(Refusal::new("dist.shasum", format!("does not match the tarball, whose SHA-1 is {sha1}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::digest::DigestSet;

    fn measured() -> Digests {
        Digests::of(b"abc", DigestSet { sha1: true, sha512: true, ..DigestSet::default() })
    }

    #[test]
    fn right_claims_hold_whatever_stands_beside_them() {
        let own = of(&measured());
        assert!(own.starts_with(
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
        ));
        let sha1 = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
        for claim in [
            own.clone(),
            format!("{own}?opt {sha1}"),
            format!("sha512-AAAA {own}"),
            format!("sha384-AAAA {sha1}"),
            String::new(),
        ] {
            verify(&claim, &measured()).unwrap();
        }
        verify_shasum("A9993E364706816ABA3E25717850C26C9CD0D89D", &measured()).unwrap();
    }

    #[test]
    fn wrong_claims_are_refused_with_what_was_measured() {
        for claim in ["sha512-AAAA", "sha1-AAAA", "sha512-not base64", "SHA512-"] {
            assert_eq!(verify(claim, &measured()).unwrap_err().field, "dist.integrity", "{claim}");
        }
        assert!(verify_shasum("00", &measured()).unwrap_err().rule.contains("a9993e36"));
    }
}
