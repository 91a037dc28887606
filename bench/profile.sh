#!/usr/bin/env bash
# Tells what the server's time goes to under one kind of load, or under each: perf watches the process.
#
#   bench/profile.sh [document|tarball|file|publish …] [--postgres] [--seconds N]
#
# perf's recordings stay in target/profile, for `perf report` and for flame graphs (`perf script`).
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/install.sh
. bench/install.sh

install_packages
install_load
install_perf
cargo build --quiet --locked --profile profiling -p proget-server --bin proget
cargo build --quiet --locked -p proget-bench
PROGET_BIN="$PWD/target/profiling/proget" exec target/debug/proget-bench profile "$@"
