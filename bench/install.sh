# Installs what the benchmark needs besides what the tests need, and is not there yet. Sourced by
# bench/run.sh, bench/failover.sh and bench/profile.sh, after tests/install.sh.

readonly verdaccio_version=6.8.0 pypiserver_version=2.4.2

install_load() {
    has wrk || { apt_get update && apt_get install --yes --no-install-recommends wrk; }
}

install_perf() {
    has perf || { apt_get update && apt_get install --yes --no-install-recommends linux-perf; }
}

# Verdaccio asks for one of its dependencies by a tag that not every registry has; hence the override.
install_verdaccio() {
    local place="$clients/verdaccio"
    grep -qs "\"version\": \"$verdaccio_version\"" "$place/node_modules/verdaccio/package.json" && return 0
    echo "installing with npm: verdaccio $verdaccio_version"
    rm -rf "$place" && mkdir -p "$place"
    cat >"$place/package.json" <<END
{
  "private": true,
  "dependencies": { "verdaccio": "$verdaccio_version" },
  "overrides": { "node-fetch": "2.7.0" }
}
END
    npm install --prefix "$place" --no-audit --no-fund --ignore-scripts --loglevel=error </dev/null
}

install_pypiserver() {
    local place="$clients/pypiserver"
    [ "$(cat "$place/pins" 2>/dev/null)" = "$pypiserver_version" ] && "$place/bin/python" -c '' 2>/dev/null && return 0
    echo "installing with pip: pypiserver $pypiserver_version"
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "pypiserver[passlib]==$pypiserver_version" </dev/null
    echo "$pypiserver_version" >"$place/pins"
}

# Sets `program`, a copy that goes away with the script, and `about`, what it is in words.
build_measured() {
    local commit changed
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
}
