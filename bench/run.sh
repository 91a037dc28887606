#!/usr/bin/env bash
# Measures the server beside nginx and its peers, prints the tables and writes docs/PERFORMANCE.md.
# Installs what is missing (nginx, wrk, Verdaccio, pypiserver) and builds the program first.
#
#   bench/run.sh               everything, about half an hour; writes docs/PERFORMANCE.md
#   bench/run.sh --quick       one short round of everything, for a look; writes nothing
#   bench/run.sh --only NAME   only what has NAME in its name (packument-4k, sparse, publish-npm-16,
#                              memory, start, million …); writes nothing
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/install.sh
. bench/install.sh

case "${1:-}" in
    "" | --quick | --only) ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

install_packages
install_load
install_verdaccio
install_pypiserver

build_measured
[ $# -gt 0 ] || set -- --write docs/PERFORMANCE.md
PROGET_BIN="$program" target/debug/proget-bench run --about "$about" "$@"
