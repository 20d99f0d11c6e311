#!/usr/bin/env bash
# Runs a command with a private, empty PostgreSQL that is gone afterwards:
#   tests/with_postgres.sh COMMAND...
# The command finds it under WEIR_TEST_DATABASE (a superuser's connection string). It listens on a
# socket in a temporary folder only, so no port is needed. Durability is off.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 COMMAND..." >&2; exit 2; }
bin=${WEIR_PG_BIN:-}
if [ -z "$bin" ]; then
    for dir in /usr/lib/postgresql/*/bin; do [ -x "$dir/initdb" ] && bin=$dir; done
fi
[ -n "$bin" ] || { echo "with_postgres: no initdb found; install postgresql, or set WEIR_PG_BIN" >&2; exit 2; }

dir=$(mktemp -d /tmp/weir-pg.XXXXXX)
# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" -eq 0 ]; then
    chown postgres "$dir"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
stop() {
    [ ! -f "$dir/data/postmaster.pid" ] ||
        "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s -w stop || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd /
"${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; exit 1; }
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -s -w -l "$dir/server.log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=50" \
    start || { cat "$dir/server.log" >&2; exit 1; }
cd "$OLDPWD"
export WEIR_TEST_DATABASE="host=$dir user=postgres dbname=postgres"
export WEIR_PG_BIN=$bin
status=0
"$@" || status=$?
exit "$status"
