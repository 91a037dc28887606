//! Runs the target `archive_tgz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("archive_tgz", data));
