#!/usr/bin/env bash
# Installs what is missing on Debian 12; does nothing, quickly, when everything is there.
#   install.sh        all that is needed to build and run Weir and its stack
#   install.sh dev    that, and the tools of `make lint`, `make format`, `make fuzz`, `make check-bare`
#   install.sh bench  that without those, and the peers of `make bench`
# System packages come from apt (as root or by sudo), Kafka from Maven Central into build/kafka, Python
# packages from PyPI into build/venv.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"

build_packages="gcc libc6-dev make pkg-config git
    librdkafka-dev libpq-dev libh2o-evloop-dev libjansson-dev libjwt-dev libcmocka-dev libsodium-dev
    libzstd-dev libgmp-dev libssl-dev zlib1g-dev libcurl4-openssl-dev"
run_packages="postgresql postgresql-contrib openjdk-17-jdk-headless maven python3 python3-venv kcat
    chromium fonts-dejavu-core ca-certificates openssl curl jq gzip zstd procps util-linux iproute2"
dev_packages="clang clang-format clang-tidy cppcheck libclang-rt-14-dev debootstrap"
# pgbench comes with postgresql.
bench_packages="g++ libsimdjson-dev wrk"

case ${1:-} in
"") packages="$build_packages $run_packages" ;;
dev) packages="$build_packages $run_packages $dev_packages" ;;
bench) packages="$build_packages $run_packages $bench_packages" ;;
*) die "usage: install.sh [dev | bench]" ;;
esac

# Node.js may come from elsewhere, under another package name.
command -v node >/dev/null || packages="$packages nodejs"
command -v npm >/dev/null || packages="$packages npm"

missing_packages() {
    local name installed
    # shellcheck disable=SC2086
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null | sed -n 's/^installed //p')
    for name in $packages; do
        grep -qxF "$name" <<<"$installed" || echo "$name"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

install_packages() {
    local missing
    command -v dpkg-query >/dev/null || die "this is not a Debian system; install by hand: $(echo $packages)"
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "system packages are missing and this is neither root nor is there sudo; as root: apt-get install $(echo $missing)"
    fi
    echo "installing: $(echo $missing)"
    as_root apt-get update -q
    # The stack brings its own database cluster, so Debian's default one is neither made nor started.
    if grep -qx postgresql <<<"$missing" && ! [ -e /etc/postgresql-common/createcluster.conf ]; then
        apt_install postgresql-common
        as_root sed -i 's/^#\? *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    fi
    # shellcheck disable=SC2086
    apt_install $missing
    missing=$(missing_packages)
    [ -z "$missing" ] || die "still missing after apt-get install: $(echo $missing)"
}

# up_to_date FOLDER SOURCE: the folder was made from this very source.
up_to_date() {
    [ -f "$1/.made-from" ] && cmp -s "$2" "$1/.made-from"
}

install_kafka() {
    local pom=$weir_root/deploy/kafka/pom.xml
    ! up_to_date "$WEIR_KAFKA_LIB" "$pom" || return 0
    echo "fetching Kafka 4.3.1 from Maven Central"
    rm -rf "$WEIR_KAFKA_LIB" "$WEIR_KAFKA_LIB.new"
    mkdir -p "$WEIR_KAFKA_LIB.new"
    mvn -B -ntp -q -C -f "$pom" dependency:copy-dependencies "-DoutputDirectory=$WEIR_KAFKA_LIB.new" ||
        die "Maven could not fetch Kafka's jars"
    cp "$pom" "$WEIR_KAFKA_LIB.new/.made-from"
    mv "$WEIR_KAFKA_LIB.new" "$WEIR_KAFKA_LIB"
}

install_venv() {
    local requirements=$here/requirements.txt
    ! up_to_date "$WEIR_VENV" "$requirements" || return 0
    echo "fetching Python packages from PyPI"
    rm -rf "$WEIR_VENV"
    python3 -m venv "$WEIR_VENV" || die "python3 -m venv failed"
    "$WEIR_VENV/bin/python" -m pip install -q --disable-pip-version-check --no-deps -r "$requirements" ||
        die "pip could not fetch the packages of $requirements"
    cp "$requirements" "$WEIR_VENV/.made-from"
}

install_packages
install_kafka
install_venv
