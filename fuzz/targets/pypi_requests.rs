//! Runs the target `pypi_requests` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("pypi_requests", data));
