#!/usr/bin/env bash
# The stack's private PostgreSQL: postgres.sh up|roles|down|status
# A cluster of its own in the stack folder; it never touches Debian's. Passwords for everybody, TCP on
# loopback and a socket in the stack folder.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/process.sh"
. "$here/account.sh"

database=weir
service_roles="weir_api weir_meter weir_biller weir_access weir_auditor"

pg_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -x "$pg_bin/initdb" ] || die "PostgreSQL is missing; run deploy/local/install.sh"

# Debian's user postgres, if root asks. A socket's path may have 107 bytes.
pg_user=postgres
[ "$(id -u)" -ne 0 ] || id "$pg_user" >/dev/null 2>&1 || die "system user $pg_user is missing; run deploy/local/install.sh"
use_account "$pg_user"
as_pg() { "${run_as[@]}" "$@"; }
pg_home() { server_home postgres 80; }
# Root never writes in a folder of another user: a link there could lead it anywhere.
write_as_pg() { as_pg sh -c 'umask 077 && cat >"$1"' - "$1"; }

pg_running() {
    [ -f "$data/postmaster.pid" ] && as_pg "$pg_bin/pg_ctl" status -D "$data" >/dev/null 2>&1
}

superuser_psql() {
    PGPASSFILE=$secret_dir/pgpass "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$WEIR_PG_PORT" -U postgres "$@"
}

create_cluster() {
    local password_file
    password_file=$home/superuser-password
    secret pg-postgres | write_as_pg "$password_file"
    rm -rf "$data.new"
    as_pg "$pg_bin/initdb" -D "$data.new" -U postgres -A scram-sha-256 --pwfile="$password_file" \
        -E UTF8 --locale=C.UTF-8 >"$log_dir/initdb.out" 2>&1 || {
        tail -n 20 "$log_dir/initdb.out" >&2
        die "initdb failed"
    }
    as_pg rm -f "$password_file"
    as_pg mv "$data.new" "$data"
}

write_configuration() {
    write_as_pg "$home/stack.conf.new" <<EOF
listen_addresses = '127.0.0.1'
port = $WEIR_PG_PORT
unix_socket_directories = '$home/socket'
max_connections = 200
shared_buffers = 128MB
fsync = $WEIR_PG_FSYNC
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
EOF
    as_pg mv "$home/stack.conf.new" "$home/stack.conf"
    as_pg grep -q "^include '$home/stack.conf'" "$data/postgresql.conf" ||
        as_pg sh -c 'printf "%s\n" "$1" >>"$2"' - "include '$home/stack.conf'" "$data/postgresql.conf"
}

# After kill -9 of the postmaster its last children hold the shared memory for a moment.
start_server() {
    local deadline=$((SECONDS + WEIR_START_SECONDS)) size
    while true; do
        size=$(stat -c %s "$home/postgres.log")
        if as_pg "$pg_bin/pg_ctl" start -s -w -t "$WEIR_START_SECONDS" -D "$data" -l "$home/postgres.log" </dev/null 2>"$log_dir/pg_ctl.out"; then
            return
        fi
        if [ "$SECONDS" -ge "$deadline" ] ||
            ! tail -c "+$((size + 1))" "$home/postgres.log" | grep -q 'pre-existing shared memory block'; then
            tail -n 20 "$home/postgres.log" >&2
            die "PostgreSQL did not start; its output is in $home/postgres.log"
        fi
        sleep 0.1
    done
}

# One secret file with a connection string for each role: programs read it by WEIR_DATABASE_URL_FILE.
write_urls() {
    local role
    (umask 077 && for role in postgres weir_owner $service_roles; do
        echo "127.0.0.1:$WEIR_PG_PORT:*:$role:$(secret "pg-$role")"
    done >"$secret_dir/pgpass")
    for role in postgres weir_owner $service_roles; do
        echo "postgresql://$role:$(secret "pg-$role")@127.0.0.1:$WEIR_PG_PORT/$database" | write_secret "url-$role"
    done
}

up() {
    make_stack_dirs
    home=$(pg_home)
    data=$home/data
    if pg_running; then
        note "PostgreSQL is up on 127.0.0.1:$WEIR_PG_PORT"
        return
    fi
    require_free WEIR_PG_PORT
    keep_ports
    mkdir -p "$home"
    own 700 "$home"
    as_pg mkdir -p -m 700 "$home/socket"
    [ -d "$data" ] || create_cluster
    write_configuration
    as_pg touch "$home/postgres.log"
    as_pg chmod 600 "$home/postgres.log"
    ln -sfn "$home/postgres.log" "$log_dir/postgres.out"
    start_server
    write_urls
    roles
    note "PostgreSQL is up on 127.0.0.1:$WEIR_PG_PORT"
}

# The roles and the database as in any installation, before each migration; here also the passwords.
roles() {
    local role
    PGOPTIONS='-c client_min_messages=warning' superuser_psql -d postgres -v database="$database" -f "$here/../postgres/roles.sql"
    # The cluster is the stack's own: its other databases are the superuser's alone.
    superuser_psql -d postgres -c 'revoke connect, temporary on database postgres, template1 from public'
    for role in weir_owner $service_roles; do
        echo "alter role $role login password '$(secret "pg-$role")';"
    done | superuser_psql -d postgres
}

# is_up: there is a cluster and it runs. A stack without one stays without.
is_up() {
    [ -e "$WEIR_STACK_DIR/postgres" ] || return 1
    home=$(pg_home)
    data=$home/data
    pg_running
}

down() {
    ! is_up || as_pg "$pg_bin/pg_ctl" stop -s -w -t 60 -m fast -D "$data"
}

status() {
    if is_up; then
        note "PostgreSQL   up    127.0.0.1:$WEIR_PG_PORT"
    else
        note "PostgreSQL   down"
        return 1
    fi
}

# A place outside the stack folder has to be removed by the one who made it.
purge() {
    [ ! -L "$WEIR_STACK_DIR/postgres" ] || rm -rf "$(readlink "$WEIR_STACK_DIR/postgres")"
}

case ${1:-} in
up | roles | down | status | purge) "$1" ;;
*) die "usage: postgres.sh up|roles|down|status|purge" ;;
esac
