#!/usr/bin/env bash
# All proof that this repository has, from a clean checkout: installs what is missing, starts what
# is needed, runs every ring, clears up. docs/TESTING.md tells more.
#
#   ./test.sh            everything
#   ./test.sh --quick    what needs no database and no package client
#   ./test.sh --install  only install
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
. tests/report.sh

mode=${1:-}
case "$mode" in
    "" | --quick | --install) mode=${mode#--} ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

# Everybody may enter it, since databases run as users of their own.
work=$(mktemp -d) && chmod 711 "$work"
export TMPDIR="$work" CARGO_TARGET_DIR="$PWD/target" CARGO_TERM_COLOR=never RUST_LIB_BACKTRACE=0
clear_up() {
    # The end of its input tells `with-services` to end the databases.
    if [ -n "${services_PID:-}" ]; then
        local id=$services_PID
        exec {services[1]}>&- && wait "$id" || true
    fi
    rm -rf "$work"
}
trap clear_up EXIT
trap 'exit 130' INT TERM

# built CRATE KIND: name and path of the test programs (or examples) that cargo built in this folder.
built() { awk -v c="$1" -v k="$2" '$1 == c && $2 == k { print $3, $4 }' "$work/built"; }

# crate_tests CRATE…: all test programs of these crates, each run in its crate's folder.
crate_tests() {
    local crate kind name file
    for crate in "$@"; do
        for kind in lib bin test; do
            while read -r name file; do
                tests "$crate: $kind $name" in_folder "$crate" "$file"
            done < <(built "$crate" "$kind")
        done
    done
}
in_folder() { (cd "$1" && shift && exec "$@"); }

ring install
[ "$mode" = quick ] || install_packages
[ "$mode" = quick ] || install_clients
install_tools
[ "$mode" != install ] || exit 0

ring house
check "formatting" cargo fmt --all --check
check "clippy" cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
check "licences, sources and bans" "$tools/bin/cargo-deny" --locked check bans licenses sources
check "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
for features in "" http npm pypi cargo http,npm http,pypi http,cargo; do
    check "proget-feeds with [$features]" \
        cargo clippy --quiet --locked -p proget-feeds --no-default-features --features "$features" -- -D warnings
done
for features in "" etcd; do
    check "proget-cluster with [$features]" \
        cargo clippy --quiet --locked -p proget-cluster --no-default-features --features "$features" -- -D warnings
done
for features in "" npm pypi cargo accounts api,npm testing,npm cli cli,etcd; do
    check "proget-server with [$features]" \
        cargo clippy --quiet --locked -p proget-server --no-default-features --features "$features" -- -D warnings
done

ring build
# One set of features for everything, or cargo would build most of it several times.
# Without `--all-targets`, which would make test programs without tests of the examples.
must "everything builds" cargo test --quiet --locked --workspace --no-run
must "the programs build" cargo build --quiet --locked --workspace --bins
cargo test --quiet --locked --workspace --no-run --message-format=json |
    grep '"executable":"' | grep -E '"kind":\["example"|"test":true\},"features"' |
    sed -E 's|.*"manifest_path":"'"$PWD"'/([^"]*)/Cargo.toml".*"kind":\["([a-z]*)".*"name":"([^"]*)","src_path".*"executable":"([^"]*)".*|\1 \2 \3 \4|' \
        >"$work/built"
export PROGET_BIN="$PWD/target/debug/proget" PROGET_TEST_CLIENTS="$clients/node_modules/.bin"
read -r _ it < <(built tests test)

ring pure
crate_tests proget-core proget-feeds proget-cluster bench
tests "documentation examples" cargo test --quiet --locked --workspace --doc
tests "rules of the house, and inputs that were hard once" in_folder tests "$it" rules:: fuzz::

ring protocols
crate_tests proget-server
# Those that start services are run where those are.
while read -r name file; do
    [[ "$name" = three-nodes || "$name" = election ]] || check "example $name" in_folder examples "$file"
done < <(built examples example)

if [ "$mode" != quick ]; then
    # The databases run until this script ends, in whatever way: their end of the pipe closes.
    coproc services { exec target/debug/with-services sh -c 'env | grep ^PROGET_TEST_; echo; read -r end'; }
    while read -r -u "${services[0]}" line && [ -n "$line" ]; do export "${line?}"; done
    must "the databases run" test -n "${PROGET_TEST_POSTGRES:-}" -a -n "${PROGET_TEST_MARIADB:-}"

    ring conformance
    crate_tests proget-storage
    tests "the catalogue on every database" in_folder tests "$it" catalog:: differential:: seams::

    ring stores
    tests "package stores on real servers" in_folder tests "$it" stores::

    ring clients
    tests "the test kit" in_folder tests "$it" kit::
    tests "the package managers themselves" in_folder tests "$it" clients::
    PROGET_TEST_PROXIED=1 tests "the same through nginx, under a path" in_folder tests "$it" clients:: --skip proxied::

    # What these print is part of what they prove: phases that kills hit, memory that was needed.
    ring faults
    others=(rules:: fuzz:: catalog:: differential:: seams:: stores:: kit:: clients::)
    tests "kills, flushes, two nodes, memory and the program" in_folder tests "$it" --show-output "${others[@]/#/--skip=}"
    check "no expected test is missing" expected_tests_ran
    # What is about hints themselves has nothing to say there. One database is enough, since the messenger
    # knows of none; without the last word it is both.
    PROGET_TEST_FIREWALLED=1 tests "fail-over once more, the messenger's ports behind a firewall" \
        in_folder tests "$it" failover:: --show-output --skip who_does_not_hear --skip on_mariadb
    check "example election" in_folder examples ../target/debug/examples/election
    check "example three-nodes proves itself" in_folder examples ../target/debug/examples/three-nodes --prove

    ring fuzz
    check "formatting of the fuzz targets" cargo fmt --manifest-path fuzz/Cargo.toml --check
    check "the fuzz targets' lock is up to date" cargo tree --quiet --locked --manifest-path fuzz/Cargo.toml
    check "every parser is fuzzed for some seconds" tests/fuzz.sh

    ring package
    check "every crate can be packaged and its package builds" tests/package.sh
fi

finish
