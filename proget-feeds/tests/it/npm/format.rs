//! The suite that every format runs.

#[test]
fn npm_keeps_what_every_format_promises() {
    proget_core::conformance::format(&proget_feeds::npm::NPM);
}
