#!/usr/bin/env bash
# Fuzzes everything that parses what strangers send. An input on which a target fails is kept in
# fuzz/regressions, where `cargo test -p proget-tests fuzz::` tries it ever after. Expects cargo-fuzz
# in target/tools, which `./test.sh --install` builds.
#
#   tests/fuzz.sh                             every target for 5 seconds
#   tests/fuzz.sh --long [SECONDS [TARGET…]]  every target, or these, for 600 seconds or so many each;
#                                             goes on from what the last long run learned
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=5 learned='' chosen=()
case "${1:-}" in
    "") ;;
    --long) seconds=${2:-600} learned=$PWD/target/fuzz-corpus chosen=("${@:3}") ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
[ "${#chosen[@]}" -gt 0 ] || chosen=($(cd fuzz/targets && ls | sed 's/\.rs$//'))

# No nightly compiler: coverage works on the stable one, and without unsafe code of our own a
# sanitizer would only watch the libraries. The first variable lets cargo-fuzz pass what is unstable.
export RUSTC_BOOTSTRAP=1 RUST_BACKTRACE=0
triple=$(rustc -vV | sed -n 's/^host: //p')
(cd fuzz && ../target/tools/bin/cargo-fuzz build --sanitizer none --target-dir ../target/fuzz)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fuzz TARGET: one target; its log is shown only if it failed.
fuzz() {
    local target=$1 corpus=${learned:-$work}/$1 kept=fuzz/regressions/$1 options=() found
    mkdir -p "$corpus" "$work/found/$target"
    for found in fuzz/dictionaries/{all,"${target%%_*}"}.dict; do
        [ ! -e "$found" ] || cat "$found" >>"$work/$target.dict"
    done
    [ ! -e "$work/$target.dict" ] || options=(-dict="$work/$target.dict")
    [ ! -d "$kept" ] || options+=("$kept")
    # 512 MiB and 10 seconds for one input are far more than any parser here may ever want.
    if "target/fuzz/$triple/release/$target" "$corpus" "fuzz/seeds/$target" "${options[@]}" \
        -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=512 -timeout=10 -use_value_profile=1 \
        -artifact_prefix="$work/found/$target/" -verbosity=1 -print_final_stats=1 >"$work/$target.log" 2>&1; then
        echo "ok    $target: $(awk '/number_of_executed_units/ { print $2 }' "$work/$target.log") inputs"
        return 0
    fi
    mkdir -p "$kept"
    cp "$work/found/$target/"* "$kept/" 2>/dev/null || true
    grep -vE '^#[0-9]+' "$work/$target.log" | tail -n 40
    echo "FAILED $target: see above, and $kept"
    return 1
}
export -f fuzz
export seconds learned work triple
printf '%s\n' "${chosen[@]}" | xargs -P "$(nproc)" -I TARGET bash -euo pipefail -c 'fuzz TARGET'
