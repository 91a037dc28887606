//! Runs the target `npm_inspect` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("npm_inspect", data));
