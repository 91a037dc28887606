//! Headers of the PROXY protocol: the specification's own shapes, what is refused, and that a
//! verdict about a beginning is never taken back. Sockets are in `tests/shell/proxied.rs`.

use proptest::prelude::*;

use super::{Reading, Source, read};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn block(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

fn client(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

#[test]
fn both_versions_tell_the_client_and_where_the_header_ends() {
    let four = [203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 0x04, 0x01, 0xbb];
    let mut six = [0; 36];
    (six[0], six[1], six[15], six[32], six[33]) = (0x20, 0x01, 9, 0xdc, 0x04);
    let rows: Vec<(Vec<u8>, Source)> = vec![
        (b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n".to_vec(), client("203.0.113.9:56324")),
        (b"PROXY TCP6 2001::9 2001:db8::1 56324 443\r\n".to_vec(), client("[2001::9]:56324")),
        (b"PROXY UNKNOWN\r\n".to_vec(), Source::Unknown),
        (b"PROXY UNKNOWN ffff::1 whatever 0 1\r\n".to_vec(), Source::Unknown),
        (block(0x21, 0x11, &four), client("203.0.113.9:56324")),
        (block(0x21, 0x11, &[&four[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat()), client("203.0.113.9:56324")),
        (block(0x21, 0x21, &six), client("[2001::9]:56324")),
        (block(0x21, 0x00, b""), Source::Unknown),
        (block(0x21, 0x31, &[0; 216]), Source::Unknown),
        (block(0x20, 0x00, b""), Source::Itself),
        (block(0x20, 0x11, &four), Source::Itself),
    ];
    for (bytes, source) in rows {
        let expected = Reading::Whole { length: bytes.len(), source };
        assert_eq!(read(&[&bytes[..], b"GET / HTTP/1.1\r\n"].concat()), expected, "{bytes:?}");
        for end in 0..bytes.len() {
            let early = read(&bytes[..end]);
            assert!(matches!(early, Reading::Undecided | Reading::Incomplete), "{early:?} after {end} bytes");
        }
    }
}

#[test]
fn what_only_begins_like_a_header_is_refused() {
    let lines = [
        "PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 56324\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 56324 443 \r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 056324 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 +1 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.256 192.0.2.1 1 443\r\n",
        "PROXY TCP4 2001:db8::9 2001:db8::1 1 443\r\n",
        "PROXY TCP6 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY  TCP4 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY UDP4 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY \r\n",
    ];
    let blocks = [
        block(0x11, 0x11, &[0; 12]),
        block(0x22, 0x11, &[0; 12]),
        block(0x21, 0x12, &[0; 12]),
        block(0x21, 0x11, &[0; 11]),
        block(0x21, 0x21, &[0; 35]),
        block(0x21, 0x00, &[0; 4081]),
    ];
    for bytes in lines.map(|line| line.as_bytes().to_vec()).into_iter().chain(blocks) {
        assert!(matches!(read(&bytes), Reading::Bad(_)), "{:?} of {bytes:?}", read(&bytes));
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert!(matches!(read(endless.as_bytes()), Reading::Bad(_)));
    assert_eq!(
        read(&block(0x21, 0x00, &[0; 4080])),
        Reading::Whole { length: 4096, source: Source::Unknown }
    );
}

#[test]
fn requests_and_handshakes_are_no_headers() {
    for bytes in
        [&b"GET / HTTP/1.1"[..], b"PRI * HTTP/2.0", b"PROPFIND /", b"\x16\x03\x01", b"PROXY-", b"\r\nGET"]
    {
        assert_eq!(read(bytes), Reading::Absent, "{bytes:?}");
    }
}

/// Bytes near a header: one of the signatures, then anything, often in the header's own alphabet.
fn near() -> impl Strategy<Value = Vec<u8>> {
    let anything = proptest::collection::vec(any::<u8>(), 0..300);
    let words = "PROXY (TCP4|TCP6|UNKNOWN) [0-9a-f:. ]{0,60}(\r\n)?.{0,20}".prop_map(String::into_bytes);
    let block = (
        0x1fu8..0x23,
        prop_oneof![Just(0u8), Just(0x11), Just(0x21), Just(0x31), any::<u8>()],
        0u16..400,
        anything.clone(),
    )
        .prop_map(|(command, family, length, rest)| {
            [SIGNATURE, &[command, family], &length.to_be_bytes(), &rest].concat()
        });
    prop_oneof![anything, words, block]
}

proptest! {
    #[test]
    fn a_verdict_about_a_beginning_is_never_taken_back(bytes in near()) {
        let last = read(&bytes);
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                Reading::Undecided => {}
                Reading::Incomplete => prop_assert!(!matches!(last, Reading::Absent | Reading::Undecided)),
                Reading::Whole { length, .. } if length > end => prop_assert!(false, "longer than what is there"),
                verdict => prop_assert_eq!(verdict, last, "after {} bytes", end),
            }
        }
    }
}
