#!/usr/bin/env bash
# A package of 1 GiB (or as many MiB as the first argument says) is published and downloaded; prints
# by how much the server's resident memory grew and fails if that is more than 32 MiB.
set -euo pipefail
cd "$(dirname "$0")/.."
export PROGET_TEST_MIB=${1:-1024}
exec cargo test --quiet -p proget-tests --test it -- --exact memory::a_huge_package_passes_in_constant_memory --nocapture
