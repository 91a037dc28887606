//! The program `proget`; all of it is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    proget_server::cli::main()
}
