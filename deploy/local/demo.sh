#!/usr/bin/env bash
# Plays the story (deploy/local/story) on the local stack, with real clients:
#   demo.sh          brings the stack up, plays, and leaves it up to look around
#   demo.sh check    the same in a folder of its own on free ports; exits with the verdict, leaves nothing
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# tell FOLDER OPTION...: takes the place of the (sub)shell it is called in.
tell() {
    exec env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" "$WEIR_VENV/bin/python" -m story "$@"
}

demo() {
    . "$here/settings.sh"
    "$here/stack.sh" up
    (tell "$WEIR_STACK_DIR")
    echo "The stack stays up: make status shows it, make down stops it, make demo plays the story again."
}

# Ports below the range that the kernel gives to clients, so that none is taken before its use.
choose_ports() {
    local setting rest port=${WEIR_TEST_PORT_BASE:-$((20000 + $$ * 20 % 12000))}
    while read -r setting rest; do
        while port_answers "$port"; do
            port=$((port + 1))
        done
        export "$setting=$port"
        port=$((port + 1))
    done < <(port_table)
    # These follow from the ports.
    unset WEIR_PUBLIC_URL WEIR_JWKS_URL WEIR_TOKEN_ISSUER
}

clean_up() {
    local verdict=$?
    trap - EXIT INT TERM
    # It stops its own clients.
    if [ -n "${story_pid:-}" ] && kill -TERM "$story_pid" 2>/dev/null; then
        wait "$story_pid" || true
    fi
    "$here/stack.sh" purge >/dev/null || verdict=2
    exit "$verdict"
}

check() {
    WEIR_STACK_DIR=$(mktemp -d "${TMPDIR:-/tmp}/weir-demo-XXXXXX")
    # PostgreSQL may run as another user, who has to get into the folder.
    chmod 711 "$WEIR_STACK_DIR"
    export WEIR_STACK_DIR WEIR_PG_FSYNC=off
    . "$here/settings.sh"
    . "$here/process.sh"
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    choose_ports
    "$here/stack.sh" up
    # In the background, for a signal to this shell waits for whatever runs in front.
    tell "$WEIR_STACK_DIR" --no-sign-ins &
    story_pid=$!
    wait "$story_pid" && verdict=0 || verdict=$?
    story_pid=
    exit "$verdict"
}

case ${1:-demo} in
demo | check) "${1:-demo}" ;;
*)
    echo "usage: demo.sh [check]" >&2
    exit 2
    ;;
esac
