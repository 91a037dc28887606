#!/usr/bin/env bash
# Measures what a cluster loses when a node dies, and for how long: kills, drains and restarts nodes
# and databases under load, and writes docs/FAILOVER.md with every sample beside it.
#
#   bench/failover.sh               everything, 50 samples each, about half an hour; writes the page
#   bench/failover.sh --quick       three samples each, for a look; writes nothing
#   bench/failover.sh --only NAME   only kill, drain, rolling, database, idle or loaded; writes nothing
#   bench/failover.sh --seed N      the moments that another run has chosen
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/install.sh
. bench/install.sh

case "${1:-}" in
    "" | --quick | --only | --seed) ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

install_packages
install_load

build_measured
case "${1:-}" in
    "" | --seed) set -- "$@" --write docs/FAILOVER.md ;;
esac
PROGET_BIN="$program" target/debug/proget-bench failover --about "$about" "$@"
