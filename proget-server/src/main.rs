//! The program `proget`; all of it is in the library's `cli`.

use std::process::ExitCode;

/// Answering is mostly small allocations; this one spends half the time on them that the C library does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    proget_server::cli::main()
}
