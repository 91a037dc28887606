#!/usr/bin/env bash
# The kill test with 200 kills (or as many as the first argument says) on SQLite and as many on
# PostgreSQL; prints in which phase of a publish they fell. A quarter of an hour or so.
# A failure prints its seed; PROGET_SEED=… repeats what was published and when was struck.
set -euo pipefail
cd "$(dirname "$0")/.."
export PROGET_TEST_KILLS=${1:-200}
exec cargo test --quiet -p proget-tests --test it -- kill::nothing_acknowledged --nocapture --test-threads 1
