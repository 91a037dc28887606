//! Which content coding a client wants, from `Accept-Encoding`
//! ([RFC 9110 §12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)). Only the choice:
//! index documents are compressed once, when they are rendered, and packages never.

use poem::http::{HeaderMap, header};

/// How a body may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)).
    Gzip,
}

/// Weights in thousandths, as the header gives them.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

/// The better of identity and gzip for this client; gzip if it likes both alike. `None` if it
/// refuses both: the specification then advises to send identity all the same.
///
/// Without the header it is identity: "anything goes" is what it means, but those who do not
/// send it are scripts that do not decompress. A malformed part is ignored.
pub fn negotiate(headers: &HeaderMap) -> Option<Coding> {
    let mut weights = Weights::default();
    for line in headers.get_all(header::ACCEPT_ENCODING) {
        for part in line.to_str().unwrap_or_default().split(',') {
            note(&mut weights, part);
        }
    }
    let gzip = weights.gzip.or(weights.any).unwrap_or(0);
    // Identity is acceptable unless excluded by name, or by "*;q=0" without being named. Not
    // being named it comes after everything that is.
    let identity = weights.identity.or(weights.any.filter(|weight| *weight == 0));
    match identity {
        Some(0) if gzip == 0 => None,
        Some(identity) if identity > gzip => Some(Coding::Identity),
        _ if gzip > 0 => Some(Coding::Gzip),
        _ => Some(Coding::Identity),
    }
}

fn note(weights: &mut Weights, part: &str) {
    let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
    let Some(weight) = weight(parameters.trim()) else { return };
    let slot = match name.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => &mut weights.gzip,
        "identity" => &mut weights.identity,
        "*" => &mut weights.any,
        _ => return,
    };
    *slot = Some(weight);
}

/// `q=0.5` in thousandths; nothing at all is 1.
fn weight(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(1_000);
    }
    let (name, value) = text.split_once('=')?;
    let value: f32 = value.trim().parse().ok()?;
    let fits = name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&value);
    fits.then_some((value * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(lines: &[&str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, line.parse().unwrap());
        }
        negotiate(&headers)
    }

    #[test]
    fn the_clients_weights_decide() {
        use Coding::{Gzip, Identity};
        let cases: &[(&[&str], Option<Coding>)] = &[
            (&[], Some(Identity)),
            (&[""], Some(Identity)),
            (&["gzip"], Some(Gzip)),
            (&["GZIP"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["gzip, deflate, br"], Some(Gzip)),
            (&["br", "gzip"], Some(Gzip)),
            (&["br, deflate"], Some(Identity)),
            (&["*"], Some(Gzip)),
            (&["*;q=0.1"], Some(Gzip)),
            (&["gzip;q=0"], Some(Identity)),
            (&["gzip;q=0, *"], Some(Identity)),
            (&["gzip;q=0.5, identity;q=0.8"], Some(Identity)),
            (&["gzip;q=0.8, identity;q=0.8"], Some(Gzip)),
            (&["gzip ; Q=0.001"], Some(Gzip)),
            (&["identity;q=0, gzip"], Some(Gzip)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["*;q=0, gzip"], Some(Gzip)),
            (&["*;q=0, identity;q=0.5"], Some(Identity)),
            (&["identity, *;q=0"], Some(Identity)),
            (&["gzip;q=nonsense"], Some(Identity)),
            (&["gzip;q=7"], Some(Identity)),
        ];
        for (lines, expected) in cases {
            assert_eq!(choice(lines), *expected, "{lines:?}");
        }
    }
}
