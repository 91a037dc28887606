//! Runs the target `pypi_route` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("pypi_route", data));
