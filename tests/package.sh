#!/usr/bin/env bash
# Every crate can be packaged, and the packages build together from nothing but what is in them.
#
# cargo's own verification does not do here: it unpacks into cargo's home and takes what an earlier
# run unpacked for the same version, so it would check yesterday's sources. Here the packages become
# a workspace of their own, with this one's profile, so that nothing from elsewhere is built again.
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
packages="$CARGO_TARGET_DIR/package"
rm -f "$packages"/*.crate
cargo package --quiet --locked --allow-dirty --no-verify --workspace --exclude proget-tests --exclude proget-examples --exclude proget-bench

members=()
for package in "$packages"/*.crate; do
    # Dated now: packages carry the year 2006, and cargo would call a build of earlier ones up to date.
    tar -xzmf "$package" -C "$place"
    members+=("$(basename "$package" .crate)")
done
[ "${#members[@]}" -eq 5 ] || { echo "expected five packages, got: ${members[*]}" && exit 1; }
{
    printf '[workspace]\nresolver = "3"\nmembers = ["proget-*"]\n\n[patch.crates-io]\n'
    for member in "${members[@]}"; do echo "${member%-*} = { path = \"$member\" }"; done
    sed -n '/^\[profile\.dev/,/^\[profile\.release\]/{/^\[profile\.release\]/d;p}' Cargo.toml
} >"$place/Cargo.toml"
cp Cargo.lock "$place"
cargo check --quiet --offline --workspace --manifest-path "$place/Cargo.toml"
