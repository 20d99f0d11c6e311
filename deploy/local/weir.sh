#!/usr/bin/env bash
# Weir's own programs on the stack: weir.sh up [PROGRAM...] | down [PROGRAM...] | status | migrate
# Without names: all that are built. Settings go by environment from weir/<program>.env in the stack
# folder, secrets by files; output is in log/<program>.out.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/process.sh"

env_dir=$WEIR_STACK_DIR/weir
state_dir=$WEIR_STACK_DIR/state

# The table of programs, in the order they start. weir-api comes before Kafka: the broker fetches the
# keys that sign tokens from it and does not start without them.
programs="weir-api weir-tap weir-meter weir-biller weir-access"

port_setting() {
    case $1 in
    weir-api) echo WEIR_API_PORT ;;
    *)
        local name=${1#weir-}
        echo "WEIR_${name^^}_METRICS_PORT"
        ;;
    esac
}

kafka_settings() {
    cat <<EOF
WEIR_CLUSTER=$WEIR_CLUSTER
WEIR_KAFKA_BOOTSTRAP=127.0.0.1:$WEIR_KAFKA_INTERNAL_PORT
WEIR_KAFKA_SECURITY_PROTOCOL=$(security_protocol "$WEIR_KAFKA_INTERNAL_TLS")
WEIR_KAFKA_CA=$WEIR_STACK_DIR/kafka/ca.pem
WEIR_KAFKA_USER=$1
WEIR_KAFKA_PASSWORD_FILE=$secret_dir/kafka-$1
EOF
}

# All parties of a stack ask from one address, and its tests as often as they can.
wide_limits() {
    local name
    for name in PUBLIC IDENTIFY READ WRITE SIGN_IN SIGN_IN_ADDRESS SIGN_IN_ACCOUNT SESSION SIGN_UP SIGN_UP_ALL \
        TOKEN TOKEN_REFUSED TOKEN_ADDRESS; do
        echo "WEIR_RATE_$name=1000000/1m"
    done
    for name in APPLICATIONS PRODUCTS PLAN_VERSIONS SECRETS SUBSCRIPTION_REQUESTS; do
        echo "WEIR_UNVERIFIED_${name}_MAX=1000000"
    done
    echo WEIR_PASSWORD_SHARE=64
}

settings_of() {
    local setting name=${1#weir-} extra
    setting=$(port_setting "$1")
    extra=WEIR_EXTRA_${name^^}
    case $1 in
    weir-api)
        cat <<EOF
WEIR_LISTEN=127.0.0.1:$WEIR_API_PORT
WEIR_PUBLIC_URL=$WEIR_PUBLIC_URL
WEIR_PORTAL_DIR=$weir_build/portal/www
WEIR_MASTER_KEY_FILE=$secret_dir/master-key
WEIR_SNAPSHOT_DIR=$state_dir/api
WEIR_DATABASE_URL_FILE=$secret_dir/url-weir_api
EOF
        case $WEIR_LIMITS in
        wide) wide_limits ;;
        own) ;;
        *) die "WEIR_LIMITS is wide or own" ;;
        esac
        ;;
    weir-tap)
        kafka_settings weir-tap
        cat <<EOF
WEIR_LOG_FILE=$WEIR_STACK_DIR/kafka/logs/kafka-request.log
WEIR_LOG_TOPIC=weir.broker-log.$WEIR_CLUSTER
WEIR_BROKER_ID=1
WEIR_BROKER_ADDRESS=127.0.0.1:$WEIR_KAFKA_INTERNAL_PORT,127.0.0.1:$WEIR_KAFKA_CLIENT_PORT,127.0.0.1:$WEIR_KAFKA_CONTROLLER_PORT
WEIR_STATE_DIR=$state_dir/tap
WEIR_COUNTERS_URL=http://127.0.0.1:$WEIR_KAFKA_COUNTERS_PORT/metrics
EOF
        ;;
    weir-meter)
        kafka_settings weir-meter
        cat <<EOF
WEIR_LOG_TOPIC=weir.broker-log.$WEIR_CLUSTER
WEIR_DATABASE_URL_FILE=$secret_dir/url-weir_meter
WEIR_INSTANCE=meter-1
EOF
        ;;
    weir-biller)
        echo "WEIR_DATABASE_URL_FILE=$secret_dir/url-weir_biller"
        ;;
    weir-access)
        kafka_settings weir-access
        echo "WEIR_DATABASE_URL_FILE=$secret_dir/url-weir_access"
        ;;
    weirctl)
        echo "WEIR_DATABASE_URL_FILE=$secret_dir/url-weir_owner"
        return
        ;;
    esac
    [ "$1" = weir-api ] || echo "WEIR_METRICS_LISTEN=127.0.0.1:${!setting}"
    # What a test or a developer wants otherwise, e.g. WEIR_EXTRA_METER='WEIR_BATCH_MS=200'.
    printf '%s\n' "${!extra:-}"
}

write_env() {
    make_stack_dirs
    mkdir -p "$env_dir" "$state_dir/api" "$state_dir/tap"
    chmod 700 "$state_dir"
    if [ ! -s "$secret_dir/master-key" ]; then
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' | write_secret master-key
    fi
    settings_of "$1" >"$env_dir/$1.env"
}

# read_env PROGRAM: its settings into the array ${settings}; a program gets them and nothing else.
read_env() {
    local line
    settings=(PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 TZ=UTC)
    while IFS= read -r line; do
        [ -z "$line" ] || settings+=("$line")
    done <"$env_dir/$1.env"
}

migrate() {
    local settings
    [ -x "$WEIR_BIN/weirctl" ] || die "$WEIR_BIN/weirctl is not built; run make"
    write_env weirctl
    read_env weirctl
    "$here/postgres.sh" roles
    env -i "${settings[@]}" "$WEIR_BIN/weirctl" migrate
}

# A program is up when it answers; weir-api when it has the keys that the broker asks for.
answers() {
    local path=/healthz
    [ "$1" != weir-api ] || path=/.well-known/jwks.json
    curl -fsS -m 5 "http://127.0.0.1:$2$path"
}

start_program() {
    local name=$1 port settings as_group
    port=$(port_setting "$name")
    if process_pid "$name" >/dev/null; then
        note "$name is up on 127.0.0.1:${!port}"
        return
    fi
    require_free "$port"
    keep_ports
    write_env "$name"
    read_env "$name"
    # The request log belongs to the broker's user and group; weir-tap has no capability to read it otherwise.
    as_group=()
    [ "$name" != weir-tap ] || [ "$(id -u)" -ne 0 ] || as_group=(setpriv --groups weir-kafka --)
    process_start "$name" "${as_group[@]}" env -i "${settings[@]}" "$WEIR_BIN/$name"
    wait_ready "$name" "$name on 127.0.0.1:${!port}" answers "$name" "${!port}"
    note "$name is up on 127.0.0.1:${!port}"
}

up() {
    local name
    for name in ${*:-$programs}; do
        if [ -x "$WEIR_BIN/$name" ]; then
            start_program "$name"
        elif [ $# -gt 0 ]; then
            die "$WEIR_BIN/$name is not built; run make"
        fi
    done
}

down() {
    local name reversed=
    for name in ${*:-$programs}; do
        reversed="$name $reversed"
    done
    for name in $reversed; do
        process_stop "$name" 20
    done
}

status() {
    local name pid port all=0
    for name in $programs; do
        [ -x "$WEIR_BIN/$name" ] || continue
        port=$(port_setting "$name")
        if pid=$(process_pid "$name"); then
            printf '  %-12s up    127.0.0.1:%s, pid %s\n' "$name" "${!port}" "$pid"
        else
            printf '  %-12s down\n' "$name"
            all=1
        fi
    done
    return $all
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
up | down | status | migrate) "$command" "$@" ;;
*) die "usage: weir.sh up [PROGRAM...] | down [PROGRAM...] | status | migrate" ;;
esac
