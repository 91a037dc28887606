#!/usr/bin/env bash
# Proves that the install steps of test.sh work on a machine that has nothing: makes a minimal
# Debian 12 in a directory, lends it this machine's Rust toolchain (read-only), clones the last
# commit into it and installs there. Needs root and debootstrap; takes a minute or two.
#
#   tests/bare-debian.sh               the packages and clients
#   tests/bare-debian.sh --everything  then the whole of ./test.sh, in the bare root (long)
set -euo pipefail
cd "$(dirname "$0")/.."

# Everything below happens in mount and process namespaces of its own: when this script ends, in
# whatever way, its mounts and processes end with it, and only the directory is left to remove.
if [ -z "${PROGET_BARE_INSIDE:-}" ]; then
    command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
    PROGET_BARE_INSIDE=$(mktemp -d)
    export PROGET_BARE_INSIDE
    trap 'rm -rf --one-file-system "$PROGET_BARE_INSIDE"' EXIT
    unshare --mount --pid --fork --kill-child -- "$0" "$@"
    exit
fi
root=$PROGET_BARE_INSIDE/root
toolchain=$(rustc --print sysroot)
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)

echo "== a minimal Debian 12, with git"
debootstrap --variant=minbase --include=git bookworm "$root" "${mirror:?no Debian source is configured}" \
    >"$PROGET_BARE_INSIDE/debootstrap.log" || { tail -n 20 "$PROGET_BARE_INSIDE/debootstrap.log" && exit 1; }

# How this machine reaches its package sources is its own affair; the bare one must do the same.
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp -r /etc/apt/apt.conf.d /etc/apt/sources.list* "$root/etc/apt/"
rm -f "$root"/etc/apt/apt.conf.d/{20packagekit,50appstream,docker-*}
mkdir -p "$root/usr/local/share/ca-certificates" "$root/opt/rust"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
lent=(HOME=/root LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
for name in http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE PIP_CERT CARGO_HTTP_CAINFO; do
    [ -z "${!name:-}" ] || lent+=("$name=${!name}")
done
mount -t proc proc "$root/proc"
mount --bind "$toolchain" "$root/opt/rust"
mount -o remount,bind,ro "$root/opt/rust"
git clone --quiet --no-hardlinks . "$root/project"
inside() { chroot "$root" env -i "${lent[@]}" bash -euo pipefail -c "cd /project; $1"; }

prove() {
    if inside "$2" >"$PROGET_BARE_INSIDE/prove.log" 2>&1; then
        echo "ok    $1"
    else
        cat "$PROGET_BARE_INSIDE/prove.log"
        echo "FAILED $1"
        exit 1
    fi
}

echo "== before: none of it is there"
prove "no database, no nginx, no node, no compiler" \
    '! command -v postgres && ! command -v mariadbd && ! command -v nginx && ! command -v node && ! command -v cc'

echo "== installing"
start=$SECONDS
inside '. tests/install.sh; install_packages; install_clients' >"$PROGET_BARE_INSIDE/install.log" 2>&1 ||
    { tail -n 40 "$PROGET_BARE_INSIDE/install.log" && exit 1; }
echo "took $((SECONDS - start)) s"

echo "== after"
prove "a second run installs nothing" '. tests/install.sh; [ -z "$(install_packages; install_clients)" ]'
prove "the service policy is gone" '[ ! -e /usr/sbin/policy-rc.d ]'
prove "no service was started" '! grep -lE "^Name:.(postgres|mariadbd|nginx)$" /proc/[0-9]*/status'
prove "PostgreSQL makes a cluster and runs in it" 'cd /tmp; bin=$(echo /usr/lib/postgresql/*/bin)
    setpriv --reuid postgres --regid postgres --clear-groups "$bin/initdb" -D /tmp/pg
    setpriv --reuid postgres --regid postgres --clear-groups "$bin/pg_ctl" -D /tmp/pg -w -o "-p 5999 -k /tmp" start
    setpriv --reuid postgres --regid postgres --clear-groups "$bin/psql" -h /tmp -p 5999 -c "select version()" postgres
    setpriv --reuid postgres --regid postgres --clear-groups "$bin/pg_ctl" -D /tmp/pg -w stop'
prove "MariaDB makes its tables" 'mariadb-install-db --no-defaults --user=mysql --datadir=/tmp/maria'
prove "nginx reads a configuration" 'echo "events {}" >/tmp/nginx.conf; nginx -t -c /tmp/nginx.conf'
prove "npm runs on its node" 'npm --version && node --version'
prove "yarn is the pinned one" '. tests/install.sh; [ "$("$clients/node_modules/.bin/yarn" --version)" = "$yarn_version" ]'
prove "pnpm is the pinned one" '. tests/install.sh; [ "$("$clients/node_modules/.bin/pnpm" --version)" = "$pnpm_version" ]'
prove "twine is the pinned one" '. tests/install.sh; [[ "$python_clients" = *"twine==$("$clients/python/bin/twine" --version | sed -n "s/^twine version \([0-9.]*\).*/\1/p") "* ]]'
prove "uv is the pinned one" '. tests/install.sh; [[ "$python_clients" = *"uv==$("$clients/python/bin/uv" --version | cut -d" " -f2) "* ]]'
prove "a C compiler builds a program" 'echo "int main(void){return 0;}" | cc -x c -o /tmp/a - && /tmp/a'
prove "strace sees what a program does" 'strace -e trace=execve true 2>&1 | grep execve'
prove "Rust is there and cannot be changed" 'cargo --version && ! touch /opt/rust/x'
inside 'echo "node $(node --version), npm $(npm --version), $(cc --version | head -n 1)"'

[ "${1:-}" != --everything ] || inside './test.sh'
