#!/usr/bin/env bash
# The stack's Apache Kafka, one combined KRaft node: kafka.sh up|down|status|purge
# kafka.sh home: its folder, made when it is missing.
# kafka.sh tool CLASS ARGUMENTS...: one of Kafka's own command-line classes, as the admin user where it
#   takes --command-config (kafka.sh tool org.apache.kafka.tools.TopicCommand --list).
# kafka.sh jmx OBJECT-NAME: the broker's own counters, as "<name>:Count,<value>" lines.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/process.sh"
. "$here/account.sh"

[ "$(id -u)" -ne 0 ] || make_account weir-kafka
use_account weir-kafka
kafka_dir=$WEIR_STACK_DIR/kafka
bootstrap=127.0.0.1:$WEIR_KAFKA_INTERNAL_PORT
internal_users="broker admin weir-tap weir-meter weir-access"
read -r -a extra_users <<<"${WEIR_KAFKA_EXTRA_USERS:-}"

# Where the broker's user can get to: the paths it is given begin here. $kafka_dir leads there for all others.
broker_home() {
    local home
    home=$(server_home kafka 4096)
    mkdir -p "$home"
    chgrp "$(id -gn "$server_user")" "$home"
    chmod 750 "$home"
    echo "$home"
}

# sign_certificate FOLDER: ca.pem, and broker.pem with key and certificate. The authority signs once: its key goes
# with the folder.
sign_certificate() {
    local request=(openssl req -x509 -config "$1/openssl.cnf" -days 3650 -noenc -newkey ec -pkeyopt ec_paramgen_curve:prime256v1)
    printf '[req]\ndistinguished_name=name\n[name]\n' >"$1/openssl.cnf" &&
        "${request[@]}" -subj "/CN=Authority of a local Weir stack" -keyout "$1/ca.key" -out "$1/ca.pem" \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign &&
        "${request[@]}" -subj "/CN=127.0.0.1" -CA "$1/ca.pem" -CAkey "$1/ca.key" -keyout "$1/key.pem" -out "$1/cert.pem" \
            -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth,clientAuth \
            -addext subjectAltName=IP:127.0.0.1,DNS:localhost &&
        cat "$1/key.pem" "$1/cert.pem" >"$1/broker.pem"
}

make_certificate() {
    local folder=$kafka_dir/certificate.new
    [ ! -s "$kafka_dir/broker.pem" ] || return 0
    rm -rf "$folder"
    mkdir -m 700 "$folder"
    (umask 077 && sign_certificate "$folder") >"$log_dir/kafka-certificate.out" 2>&1 || {
        tail -n 20 "$log_dir/kafka-certificate.out" >&2
        die "the broker's certificate could not be made"
    }
    own 600 "$folder/broker.pem"
    chmod 644 "$folder/ca.pem"
    mv "$folder/ca.pem" "$folder/broker.pem" "$kafka_dir"
    rm -rf "$folder"
}

# Secrets go from file to file and never through a command line.

# keep_for_broker NAME: stdin as a file of the broker's user alone.
keep_for_broker() {
    (umask 077 && cat >"$kafka_dir/$1.new")
    own 600 "$kafka_dir/$1.new"
    mv "$kafka_dir/$1.new" "$kafka_dir/$1"
}

# write_properties HOME
write_properties() {
    local text name users= internal client
    internal=$(security_protocol "$WEIR_KAFKA_INTERNAL_TLS")
    client=$(security_protocol "$WEIR_KAFKA_CLIENT_TLS")
    text=$(cat "$weir_root/deploy/kafka/server.properties.in")
    for name in $internal_users "${extra_users[@]}"; do
        users+=" user_$name=\"$(secret "kafka-$name")\""
    done
    for name in WEIR_KAFKA_CONTROLLER_PORT WEIR_KAFKA_INTERNAL_PORT WEIR_KAFKA_CLIENT_PORT WEIR_JWKS_URL \
        WEIR_TOKEN_AUDIENCE WEIR_TOKEN_ISSUER; do
        text=${text//@$name@/${!name}}
    done
    text=${text//@KAFKA_DIR@/$1}
    text=${text//@PASSWORD_broker@/$(secret kafka-broker)}
    text=${text//@INTERNAL_USERS@/${users# }}
    # The last line counts.
    text+=$'\n'listener.security.protocol.map=CONTROLLER:$internal,INTERNAL:$internal,CLIENT:$client
    if [ -n "$WEIR_KAFKA_PROPERTIES" ]; then
        text+=$'\n'$(cat "$WEIR_KAFKA_PROPERTIES")
    fi
    keep_for_broker server.properties <<<"$text"
    keep_for_broker jmx.password <<<"weir-jmx $(secret jmx)"
    keep_for_broker jmx.access <"$weir_root/deploy/kafka/jmx.access"
    keep_for_broker counters.yaml <"$weir_root/deploy/kafka/counters.yaml"
    keep_for_broker log4j2.yaml <"$weir_root/deploy/kafka/log4j2.yaml"
    # For Kafka's Java tools: --command-config build/stack/kafka/<user>.properties
    for name in $internal_users "${extra_users[@]}"; do
        (umask 077 && cat >"$kafka_dir/$name.properties" <<EOF
bootstrap.servers=$bootstrap
security.protocol=$internal
ssl.truststore.type=PEM
ssl.truststore.location=$kafka_dir/ca.pem
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

# The level of Kafka's feature share.version: 0 refuses everything that share groups ask for.
share_version() {
    case $WEIR_KAFKA_SHARE_GROUPS in
    on) echo 1 ;;
    off) echo 0 ;;
    *) die "WEIR_KAFKA_SHARE_GROUPS is on or off, not \"$WEIR_KAFKA_SHARE_GROUPS\"" ;;
    esac
}

format_storage() {
    local id
    [ ! -f "$kafka_dir/data/meta.properties" ] || return 0
    rm -rf "$kafka_dir/data"
    # A cluster id is 16 bytes in URL-safe base64, which may not start with a dash.
    id=W$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-21)A
    (umask 027 && java_tool kafka.tools.StorageTool format -t "$id" -c "$kafka_dir/server.properties" \
        --feature "share.version=$(share_version)" >"$log_dir/kafka-format.out" 2>&1) || {
        tail -n 20 "$log_dir/kafka-format.out" >&2
        die "formatting Kafka's storage failed"
    }
    share_version >"$kafka_dir/share.version"
}

# What the storage was formatted with stays, until it is set otherwise on the running broker.
set_share_version() {
    local wanted change
    wanted=$(share_version)
    [ "$(cat "$kafka_dir/share.version" 2>/dev/null)" != "$wanted" ] || return 0
    change=$([ "$wanted" = 0 ] && echo downgrade || echo upgrade)
    tool org.apache.kafka.tools.FeatureCommand "$change" --feature "share.version=$wanted" \
        >"$log_dir/kafka-features.out" 2>&1 || {
        tail -n 20 "$log_dir/kafka-features.out" >&2
        die "share groups could not be switched $WEIR_KAFKA_SHARE_GROUPS"
    }
    echo "$wanted" >"$kafka_dir/share.version"
}

# own_files HOME: what the broker writes is its user's, also what an older stack wrote as root. Codecs are
# libraries that Java unpacks in tmp to load them; in a folder of the broker's own nobody puts another there.
own_files() {
    mkdir -p "$1/data" "$1/logs" "$1/tmp"
    own 700 "$1/tmp"
    if [ "$(stat -c %U "$1/data")" != "$server_user" ] || [ "$(stat -c %U "$1/logs")" != "$server_user" ]; then
        chown -hR "$server_user:$server_user" "$1/data" "$1/logs"
    fi
    chmod -R o-rwx "$1/data" "$1/logs"
}

# The jars, where the broker's user can read them.
broker_lib() {
    if "${run_as[@]}" test -r "$WEIR_KAFKA_LIB/kafka_2.13-4.3.1.jar"; then
        echo "$WEIR_KAFKA_LIB"
        return
    fi
    rm -rf "$1/lib"
    mkdir "$1/lib"
    cp "$WEIR_KAFKA_LIB"/*.jar "$1/lib"
    chmod 755 "$1/lib"
    chmod 644 "$1/lib"/*
    echo "$1/lib"
}

up() {
    local home lib
    [ -f "$WEIR_KAFKA_LIB/kafka_2.13-4.3.1.jar" ] || die "Kafka's jars are missing in $WEIR_KAFKA_LIB; run deploy/local/install.sh"
    [ -x "$WEIR_VENV/bin/python" ] || die "$WEIR_VENV is missing; run deploy/local/install.sh"
    make_stack_dirs
    if process_pid kafka >/dev/null; then
        note "Kafka is up on 127.0.0.1:$WEIR_KAFKA_CLIENT_PORT (CLIENT) and $bootstrap (INTERNAL)"
        return
    fi
    require_free WEIR_KAFKA_INTERNAL_PORT WEIR_KAFKA_CONTROLLER_PORT WEIR_KAFKA_CLIENT_PORT WEIR_KAFKA_JMX_PORT \
        WEIR_KAFKA_COUNTERS_PORT
    keep_ports
    share_version >/dev/null
    home=$(broker_home)
    make_certificate
    write_properties "$home"
    format_storage
    own_files "$home"
    lib=$(broker_lib "$home")
    process_start kafka "${run_as[@]}" java "-Xms256m" "-Xmx$WEIR_KAFKA_HEAP" -XX:+ExitOnOutOfMemoryError -server -Duser.timezone=UTC -Djava.awt.headless=true \
        -Djava.io.tmpdir="$home/tmp" -Dkafka.logs.dir="$home/logs" -Dlog4j2.configurationFile="$home/log4j2.yaml" \
        -Dweir.request-log.roll="$WEIR_REQUEST_LOG_ROLL" -Dweir.request-log.keep="$WEIR_REQUEST_LOG_KEEP" \
        -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="$WEIR_JWKS_URL" \
        -Dcom.sun.management.jmxremote.port="$WEIR_KAFKA_JMX_PORT" \
        -Dcom.sun.management.jmxremote.rmi.port="$WEIR_KAFKA_JMX_PORT" \
        -Dcom.sun.management.jmxremote.host=127.0.0.1 -Djava.rmi.server.hostname=127.0.0.1 \
        -Dcom.sun.management.jmxremote.authenticate=true -Dcom.sun.management.jmxremote.ssl=false \
        -Dcom.sun.management.jmxremote.password.file="$home/jmx.password" \
        -Dcom.sun.management.jmxremote.access.file="$home/jmx.access" \
        -javaagent:"$lib/jmx_prometheus_javaagent-1.0.1.jar=127.0.0.1:$WEIR_KAFKA_COUNTERS_PORT:$home/counters.yaml" \
        -cp "$lib/*" kafka.Kafka "$home/server.properties"
    wait_ready kafka "Kafka on $bootstrap" port_answers "$WEIR_KAFKA_INTERNAL_PORT"
    "$WEIR_VENV/bin/python" "$weir_root/deploy/kafka/prepare.py" "$bootstrap" \
        "$(security_protocol "$WEIR_KAFKA_INTERNAL_TLS")" "$kafka_dir/ca.pem" "$secret_dir/kafka-admin" \
        "$WEIR_CLUSTER" "$WEIR_LOG_PARTITIONS" "$WEIR_START_SECONDS"
    set_share_version
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

# Its arguments go by file, for the password is one of them.
jmx() {
    java_tool @<(printf '"%s"\n' org.apache.kafka.tools.JmxTool --jmx-auth-prop "weir-jmx=$(secret jmx)" \
        --one-time --reporting-interval -1 --object-name "$1" --attributes Count --report-format properties \
        --jmx-url "service:jmx:rmi:///jndi/rmi://127.0.0.1:$WEIR_KAFKA_JMX_PORT/jmxrmi")
}

# A place outside the stack folder has to be removed by the one who made it.
purge() {
    [ ! -L "$kafka_dir" ] || rm -rf "$(readlink "$kafka_dir")"
}

tool() {
    local class=$1
    shift
    java_tool "$class" --bootstrap-server "$bootstrap" --command-config "$kafka_dir/admin.properties" "$@"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
up | down | status | purge | tool | jmx) "$command" "$@" ;;
home) broker_home ;;
*) die "usage: kafka.sh up|down|status|home|purge|tool CLASS ...|jmx OBJECT-NAME" ;;
esac
