#!/usr/bin/env bash
# The local stack, in one folder (WEIR_STACK_DIR, build/stack by default):
#   stack.sh up           PostgreSQL, migrations, Kafka, Weir's programs
#   stack.sh up servers   PostgreSQL and Kafka alone; Kafka takes token keys from kafka/jwks.json
#   stack.sh down         stops all of it; the data stays
#   stack.sh purge        stops all of it and removes the folder
#   stack.sh status       what runs where
# A second `up` starts only what is missing. Ports: settings.sh.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers_jwks=${WEIR_JWKS_URL:-}
. "$here/settings.sh"

up() {
    local jwks
    if [ "${1:-}" = servers ]; then
        if [ -z "$servers_jwks" ]; then
            jwks=$("$here/kafka.sh" home)/jwks.json
            [ -f "$jwks" ] || echo '{"keys":[]}' >"$jwks"
            WEIR_JWKS_URL=file://$jwks
        fi
        export WEIR_JWKS_URL
        "$here/postgres.sh" up
        "$here/kafka.sh" up
        return
    fi
    [ -x "$WEIR_BIN/weir-api" ] || die "Weir is not built ($WEIR_BIN/weir-api is missing); run make, or stack.sh up servers"
    "$here/postgres.sh" up
    "$here/weir.sh" migrate
    "$here/weir.sh" up weir-api
    "$here/kafka.sh" up
    "$here/weir.sh" up
}

down() {
    "$here/weir.sh" down
    "$here/kafka.sh" down
    "$here/postgres.sh" down
}

status() {
    local all=0
    "$here/postgres.sh" status || all=1
    "$here/kafka.sh" status || all=1
    "$here/weir.sh" status || all=1
    return $all
}

purge() {
    down
    "$here/kafka.sh" purge
    "$here/postgres.sh" purge
    rm -rf "$WEIR_STACK_DIR"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
up | down | status | purge) "$command" "$@" ;;
*) die "usage: stack.sh up [servers] | down | status | purge" ;;
esac
