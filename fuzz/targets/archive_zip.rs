//! Runs the target `archive_zip` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("archive_zip", data));
