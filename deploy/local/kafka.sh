#!/usr/bin/env bash
# The stack's Apache Kafka, one combined KRaft node: kafka.sh up|down|kill|status
# kafka.sh tool CLASS ARGUMENTS...: one of Kafka's own command-line classes, as the admin user where it
#   takes --command-config (kafka.sh tool org.apache.kafka.tools.TopicCommand --list).
# kafka.sh jmx OBJECT-NAME: the broker's own counters, as "<name>:Count,<value>" lines.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/process.sh"

kafka_dir=$WEIR_STACK_DIR/kafka
bootstrap=127.0.0.1:$WEIR_KAFKA_INTERNAL_PORT
internal_users="broker admin weir-tap weir-meter weir-access"
read -r -a extra_users <<<"${WEIR_KAFKA_EXTRA_USERS:-}"

# Secrets go from file to file and never through a command line.
write_properties() {
    local text name users=
    text=$(cat "$weir_root/deploy/kafka/server.properties.in")
    for name in $internal_users "${extra_users[@]}"; do
        users+=" user_$name=\"$(secret "kafka-$name")\""
    done
    for name in WEIR_KAFKA_CONTROLLER_PORT WEIR_KAFKA_INTERNAL_PORT WEIR_KAFKA_CLIENT_PORT WEIR_JWKS_URL \
        WEIR_TOKEN_AUDIENCE WEIR_TOKEN_ISSUER; do
        text=${text//@$name@/${!name}}
    done
    text=${text//@KAFKA_DIR@/$kafka_dir}
    text=${text//@PASSWORD_broker@/$(secret kafka-broker)}
    text=${text//@INTERNAL_USERS@/${users# }}
    if [ -n "$WEIR_KAFKA_PROPERTIES" ]; then
        text+=$'\n'$(cat "$WEIR_KAFKA_PROPERTIES")
    fi
    (umask 077 && printf '%s\n' "$text" >"$kafka_dir/server.properties.new")
    mv "$kafka_dir/server.properties.new" "$kafka_dir/server.properties"
    # For Kafka's Java tools: --command-config build/stack/kafka/<user>.properties
    for name in $internal_users "${extra_users[@]}"; do
        (umask 077 && cat >"$kafka_dir/$name.properties" <<EOF
bootstrap.servers=$bootstrap
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="$name" password="$(secret "kafka-$name")";
EOF
        )
    done
}

java_tool() {
    java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC \
        -Dlog4j2.configurationFile="$weir_root/deploy/kafka/tools-log4j2.yaml" -cp "$WEIR_KAFKA_LIB/*" "$@"
}

format_storage() {
    local id
    [ ! -f "$kafka_dir/data/meta.properties" ] || return 0
    rm -rf "$kafka_dir/data"
    # A cluster id is 16 bytes in URL-safe base64, which may not start with a dash.
    id=W$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-21)A
    java_tool kafka.tools.StorageTool format -t "$id" -c "$kafka_dir/server.properties" \
        >"$log_dir/kafka-format.out" 2>&1 || {
        tail -n 20 "$log_dir/kafka-format.out" >&2
        die "formatting Kafka's storage failed"
    }
}

up() {
    [ -f "$WEIR_KAFKA_LIB/kafka_2.13-4.3.1.jar" ] || die "Kafka's jars are missing in $WEIR_KAFKA_LIB; run deploy/local/install.sh"
    [ -x "$WEIR_VENV/bin/python" ] || die "$WEIR_VENV is missing; run deploy/local/install.sh"
    make_stack_dirs
    if process_pid kafka >/dev/null; then
        note "Kafka is up on 127.0.0.1:$WEIR_KAFKA_CLIENT_PORT (CLIENT) and $bootstrap (INTERNAL)"
        return
    fi
    require_free WEIR_KAFKA_INTERNAL_PORT WEIR_KAFKA_CONTROLLER_PORT WEIR_KAFKA_CLIENT_PORT WEIR_KAFKA_JMX_PORT
    keep_ports
    mkdir -p "$kafka_dir/logs"
    write_properties
    format_storage
    process_start kafka java "-Xms256m" "-Xmx$WEIR_KAFKA_HEAP" -server -Duser.timezone=UTC -Djava.awt.headless=true \
        -Dkafka.logs.dir="$kafka_dir/logs" -Dlog4j2.configurationFile="$weir_root/deploy/kafka/log4j2.yaml" \
        -Dweir.request-log.roll="$WEIR_REQUEST_LOG_ROLL" -Dweir.request-log.keep="$WEIR_REQUEST_LOG_KEEP" \
        -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="$WEIR_JWKS_URL" \
        -Dcom.sun.management.jmxremote.port="$WEIR_KAFKA_JMX_PORT" \
        -Dcom.sun.management.jmxremote.rmi.port="$WEIR_KAFKA_JMX_PORT" \
        -Dcom.sun.management.jmxremote.host=127.0.0.1 -Djava.rmi.server.hostname=127.0.0.1 \
        -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false \
        -cp "$WEIR_KAFKA_LIB/*" kafka.Kafka "$kafka_dir/server.properties"
    wait_ready kafka "Kafka on $bootstrap" port_answers "$WEIR_KAFKA_INTERNAL_PORT"
    "$WEIR_VENV/bin/python" "$weir_root/deploy/kafka/prepare.py" "$bootstrap" "$secret_dir/kafka-admin" \
        "$WEIR_CLUSTER" "$WEIR_LOG_PARTITIONS" "$WEIR_START_SECONDS"
    wait_ready kafka "Kafka's CLIENT listener" port_answers "$WEIR_KAFKA_CLIENT_PORT"
    note "Kafka is up on 127.0.0.1:$WEIR_KAFKA_CLIENT_PORT (CLIENT) and $bootstrap (INTERNAL)"
}

down() {
    process_stop kafka 40
}

status() {
    local pid
    if pid=$(process_pid kafka); then
        note "Kafka        up    127.0.0.1:$WEIR_KAFKA_CLIENT_PORT (CLIENT), $bootstrap (INTERNAL), JMX $WEIR_KAFKA_JMX_PORT, pid $pid"
    else
        note "Kafka        down"
        return 1
    fi
}

jmx() {
    java_tool org.apache.kafka.tools.JmxTool --one-time --reporting-interval -1 \
        --jmx-url "service:jmx:rmi:///jndi/rmi://127.0.0.1:$WEIR_KAFKA_JMX_PORT/jmxrmi" \
        --object-name "$1" --attributes Count --report-format properties
}

tool() {
    local class=$1
    shift
    java_tool "$class" --bootstrap-server "$bootstrap" --command-config "$kafka_dir/admin.properties" "$@"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
up | down | status | tool | jmx) "$command" "$@" ;;
*) die "usage: kafka.sh up|down|status|tool CLASS ...|jmx OBJECT-NAME" ;;
esac
