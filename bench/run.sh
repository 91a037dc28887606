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

# The release with the names of its functions: the same code, and one build serves bench/profile.sh too.
cargo build --quiet --locked --profile profiling -p proget-server --bin proget
cargo build --quiet --locked -p proget-bench
# A copy: whoever builds anew in the meantime does not change what is measured.
program=$(mktemp -d)/proget
trap 'rm -rf "$(dirname "$program")"' EXIT
cp target/profiling/proget "$program"
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
changed=$(git status --porcelain --untracked-files=no 2>/dev/null | grep -c '\.rs$' || true)
about="$("$program" version | head -1), commit $commit"
[ "$changed" -eq 0 ] || about+=" and $changed changed files"
[ $# -gt 0 ] || set -- --write docs/PERFORMANCE.md
PROGET_BIN="$program" target/debug/proget-bench run --about "$about" "$@"
