//! Runs the target `pypi_wheel_file` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proget_fuzz::run("pypi_wheel_file", data));
