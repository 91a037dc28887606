//! Runs the target `cargo_publish_document` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("cargo_publish_document", data));
