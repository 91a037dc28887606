//! What stands before the first byte of HTTP or TLS. The server's own file is included here, because
//! its crate brings databases along that no fuzzer needs.
//!
//! Beyond "no panic": a whole header ends within what was read, nothing that follows changes it, and
//! what is said of a beginning is never taken back.

#[path = "../../proget-server/src/http/proxy_header.rs"]
mod proxy_header;

use super::Verdict;
use proxy_header::{LONGEST, Reading, read};

/// A header of the PROXY protocol, either version.
pub fn proxy(data: &[u8]) -> Verdict {
    let last = read(data);
    // Beginnings of all lengths would cost the square of it.
    let step = 1 + data.len() / 64;
    for end in (0..data.len()).step_by(step) {
        match read(&data[..end]) {
            Reading::Undecided => {}
            Reading::Incomplete => assert!(!matches!(last, Reading::Absent | Reading::Undecided)),
            verdict => assert_eq!(verdict, last, "taken back after {end} bytes"),
        }
    }
    match last {
        Reading::Whole { length, .. } => {
            assert!(length <= data.len() && length <= LONGEST);
            assert_eq!(read(&data[..length]), last);
            Verdict::Accepted
        }
        _ => Verdict::Refused,
    }
}
