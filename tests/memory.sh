#!/usr/bin/env bash
# A package of each feed type, of 1 GiB (or as many MiB as the first argument says), is published
# and downloaded; prints by how much the server's resident memory grew and fails if that is more
# than 32 MiB. One after the other: each needs its size in the temporary folder three times.
set -euo pipefail
cd "$(dirname "$0")/.."
export PROGET_TEST_MIB=${1:-1024}
exec cargo test --quiet -p proget-tests --test it -- memory:: --nocapture --test-threads 1
