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

case "${1:-}" in
    "" | --quick | --install) mode="${1#--}" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

# Everybody may enter it, since databases run as users of their own.
work=$(mktemp -d) && chmod 711 "$work"
export TMPDIR="$work" CARGO_TERM_COLOR=never RUST_LIB_BACKTRACE=0
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

passed=0 failed=0 skipped=0 minutes=()

# ring NAME: what follows is accounted to this ring.
ring() {
    [ -z "${ring_name:-}" ] || minutes+=("$(printf '%-12s %6s min' "$ring_name" "$(since "$ring_start")")")
    ring_name=$1 ring_start=$SECONDS
    printf '\n== %s\n' "$1"
}
since() { awk -v s=$((SECONDS - $1)) 'BEGIN { printf "%.1f", s / 60 }'; }

# check WHAT COMMAND…: one check; its output is shown only if it fails.
check() {
    local what=$1 start=$SECONDS
    shift
    if "$@" >"$work/check.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok    $what ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        cat "$work/check.log"
        echo "FAILED $what: $*"
    fi
}

# tests WHAT COMMAND…: a command that prints the closing lines of Rust's test programs.
tests() {
    local what=$1 status=0 sums
    shift
    echo "-- $what"
    "$@" >"$work/tests.log" 2>&1 </dev/null || status=$?
    cat "$work/tests.log" >>"$work/all-tests.log"
    grep -vE '^(running [0-9]+ tests?|test .* \.\.\. ok|)$' "$work/tests.log" || true
    sums=$(awk '/^test result:/ { p += $4; f += $6; i += $8 } END { print p + 0, f + 0, i + 0 }' "$work/tests.log")
    read -r p f i <<<"$sums"
    # A program that failed without saying how many tests did (it was killed, say) is one failure.
    [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || { f=1 && echo "FAILED $what ended with $status"; }
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + i))
}

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

# A ring from which a test has vanished would still be green; so the expected ones are written down.
expected_tests_ran() {
    local name missing=0
    while read -r name; do
        grep -qx "test $name \.\.\. ok" "$work/all-tests.log" || { echo "did not run, or failed: $name" && missing=1; }
    done < <(grep -v '^#' tests/expected-tests.txt)
    return "$missing"
}

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
for features in "" http npm http,npm; do
    check "proget-feeds with [$features]" \
        cargo check --quiet --locked -p proget-feeds --no-default-features --features "$features"
done
for features in "" npm accounts api,npm testing,npm cli; do
    check "proget-server with [$features]" \
        cargo check --quiet --locked -p proget-server --no-default-features --features "$features"
done

ring build
# One set of features for everything, or cargo would build most of it several times.
cargo test --quiet --locked --workspace --all-targets --no-run
cargo build --quiet --locked --workspace --bins
cargo test --quiet --locked --workspace --all-targets --no-run --message-format=json 2>"$work/build.log" |
    grep '"executable":"' | grep -E '"kind":\["example"|"test":true\},"features"' |
    sed -E 's|.*"manifest_path":"'"$PWD"'/([^"]*)/Cargo.toml".*"kind":\["([a-z]*)".*"name":"([^"]*)","src_path".*"executable":"([^"]*)".*|\1 \2 \3 \4|' \
        >"$work/built"
export PROGET_BIN="$PWD/target/debug/proget" PROGET_TEST_CLIENTS="$clients/node_modules/.bin"
read -r _ it < <(built tests test)

ring pure
crate_tests proget-core proget-feeds proget-cluster
tests "documentation examples" cargo test --quiet --locked --workspace --doc
tests "rules of the house" in_folder tests "$it" rules::

ring protocols
crate_tests proget-server
while read -r name file; do check "example $name" in_folder examples "$file"; done < <(built examples example)

if [ "$mode" != quick ]; then
    # The databases run until this script ends, in whatever way: their end of the pipe closes.
    coproc services { exec target/debug/with-services sh -c 'env; echo; read -r end'; }
    while read -r -u "${services[0]}" line && [ -n "$line" ]; do
        case "$line" in PROGET_TEST_*) export "${line?}" ;; esac
    done

    ring conformance
    crate_tests proget-storage

    ring clients
    tests "the test kit" in_folder tests "$it" kit::
    tests "everything else" in_folder tests "$it" --skip rules:: --skip kit::
    check "no expected test is missing" expected_tests_ran

    ring package
    check "cargo package" cargo package --quiet --locked --workspace --exclude proget-tests --exclude proget-examples
fi

ring summary
printf '%s\n' "${minutes[@]}"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
