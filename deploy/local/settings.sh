# The settings of the local stack: the one table of ports, and the folders. Sourced by the scripts
# beside it; every value can be set in the environment, e.g. WEIR_API_PORT=28080 make up. A stack keeps
# the ports it was brought up with (stack.env in its folder) until other ones are asked for.
# shellcheck shell=bash disable=SC2034

weir_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
weir_build=$weir_root/build
: "${WEIR_STACK_DIR:=$weir_build/stack}"
case $WEIR_STACK_DIR in /*) ;; *) WEIR_STACK_DIR=$PWD/$WEIR_STACK_DIR ;; esac
: "${WEIR_KAFKA_LIB:=$weir_build/kafka/4.3.1/lib}"
: "${WEIR_VENV:=$weir_build/venv}"
: "${WEIR_BIN:=$weir_build/bin}"

if [ -f "$WEIR_STACK_DIR/stack.env" ]; then
    while IFS='=' read -r name value; do
        [ -n "${!name:-}" ] || printf -v "$name" %s "$value"
    done <"$WEIR_STACK_DIR/stack.env"
fi

: "${WEIR_PG_PORT:=15432}"               # PostgreSQL
: "${WEIR_KAFKA_INTERNAL_PORT:=19092}"   # Kafka: Weir's own programs and the admin (SASL PLAIN)
: "${WEIR_KAFKA_CONTROLLER_PORT:=19093}" # Kafka: KRaft controller
: "${WEIR_KAFKA_CLIENT_PORT:=19094}"     # Kafka: customers' applications (TLS, SASL OAUTHBEARER)
: "${WEIR_KAFKA_JMX_PORT:=19099}"        # Kafka: the broker's own counters
: "${WEIR_KAFKA_COUNTERS_PORT:=19098}"   # Kafka: the same as a page of text, for weir-tap
: "${WEIR_API_PORT:=18080}"              # weir-api: portal, REST, tokens
: "${WEIR_TAP_METRICS_PORT:=18081}"
: "${WEIR_METER_METRICS_PORT:=18082}"
: "${WEIR_BILLER_METRICS_PORT:=18083}"
: "${WEIR_ACCESS_METRICS_PORT:=18084}"

# How the stack behaves; defaults fit one machine with 2 cores.
: "${WEIR_CLUSTER:=local}"                  # the cluster's name in Weir
: "${WEIR_LOG_PARTITIONS:=8}"               # partitions of weir.broker-log.<cluster>
: "${WEIR_KAFKA_HEAP:=768m}"
: "${WEIR_KAFKA_CLIENT_TLS:=on}"            # off: customers' applications speak to Kafka in the clear
: "${WEIR_KAFKA_INTERNAL_TLS:=off}"         # on: TLS for the broker itself, the admin and Weir's programs, too
: "${WEIR_KAFKA_SHARE_GROUPS:=off}"         # on: consumers may share partitions; the log doesn't say how many bytes they read
: "${WEIR_KAFKA_PROPERTIES:=}"              # a file of further lines for server.properties
: "${WEIR_REQUEST_LOG_ROLL:=yyyy-MM-dd-HH}" # when kafka-request.log is renamed (Log4j date pattern)
: "${WEIR_REQUEST_LOG_KEEP:=P2D}"           # how long renamed files stay (ISO 8601 duration)
: "${WEIR_PG_FSYNC:=on}"                    # off makes throw-away stacks faster
: "${WEIR_PUBLIC_URL:=http://127.0.0.1:$WEIR_API_PORT}"    # issuer of tokens
: "${WEIR_JWKS_URL:=$WEIR_PUBLIC_URL/.well-known/jwks.json}" # http(s):// or file:///path
: "${WEIR_TOKEN_ISSUER:=$WEIR_PUBLIC_URL}"
: "${WEIR_TOKEN_AUDIENCE:=$WEIR_CLUSTER}"
: "${WEIR_START_SECONDS:=90}"                # how long a server may take to get ready

: "${WEIR_LIMITS:=wide}"                     # of weir-api: wide, for one machine that plays everybody; or own, its defaults

run_dir=$WEIR_STACK_DIR/run
log_dir=$WEIR_STACK_DIR/log
secret_dir=$WEIR_STACK_DIR/secrets

# Name of setting, port, what listens there.
port_table() {
    cat <<EOF
WEIR_PG_PORT $WEIR_PG_PORT PostgreSQL
WEIR_KAFKA_INTERNAL_PORT $WEIR_KAFKA_INTERNAL_PORT Kafka, listener INTERNAL
WEIR_KAFKA_CONTROLLER_PORT $WEIR_KAFKA_CONTROLLER_PORT Kafka, listener CONTROLLER
WEIR_KAFKA_CLIENT_PORT $WEIR_KAFKA_CLIENT_PORT Kafka, listener CLIENT
WEIR_KAFKA_JMX_PORT $WEIR_KAFKA_JMX_PORT Kafka, JMX
WEIR_KAFKA_COUNTERS_PORT $WEIR_KAFKA_COUNTERS_PORT Kafka, page of counters
WEIR_API_PORT $WEIR_API_PORT weir-api
WEIR_TAP_METRICS_PORT $WEIR_TAP_METRICS_PORT weir-tap, metrics
WEIR_METER_METRICS_PORT $WEIR_METER_METRICS_PORT weir-meter, metrics
WEIR_BILLER_METRICS_PORT $WEIR_BILLER_METRICS_PORT weir-biller, metrics
WEIR_ACCESS_METRICS_PORT $WEIR_ACCESS_METRICS_PORT weir-access, metrics
EOF
}

# security_protocol on|off: Kafka's name for passwords or tokens with TLS or without.
security_protocol() {
    case $1 in
    on) echo SASL_SSL ;;
    off) echo SASL_PLAINTEXT ;;
    *) die "WEIR_KAFKA_CLIENT_TLS and WEIR_KAFKA_INTERNAL_TLS are on or off, not \"$1\"" ;;
    esac
}

die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

note() {
    echo "  $*"
}

make_stack_dirs() {
    mkdir -p "$run_dir" "$log_dir" "$secret_dir"
    chmod 700 "$secret_dir" "$log_dir"
}

# Once its ports are known to be free, the stack keeps them, and what its clients have to know.
keep_ports() {
    local setting port what
    port_table | while read -r setting port what; do
        echo "$setting=$port"
    done >"$WEIR_STACK_DIR/stack.env.$$"
    for setting in WEIR_CLUSTER WEIR_KAFKA_CLIENT_TLS WEIR_KAFKA_INTERNAL_TLS WEIR_KAFKA_SHARE_GROUPS; do
        echo "$setting=${!setting}"
    done >>"$WEIR_STACK_DIR/stack.env.$$"
    mv "$WEIR_STACK_DIR/stack.env.$$" "$WEIR_STACK_DIR/stack.env"
}

# secret NAME: the value of a secret, made at its first use. One file per secret, for its owner only.
secret() {
    local file=$secret_dir/$1
    if [ ! -s "$file" ]; then
        (
            umask 077
            od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file.new"
            mv "$file.new" "$file"
        )
    fi
    cat "$file"
}

# write_secret NAME: keeps stdin as a secret's file.
write_secret() {
    (
        umask 077
        cat >"$secret_dir/$1.new"
        mv "$secret_dir/$1.new" "$secret_dir/$1"
    )
}
