//! The suite that every format runs.

#[test]
fn cargo_keeps_what_every_format_promises() {
    proget_core::conformance::format(&proget_feeds::cargo::CARGO);
}
