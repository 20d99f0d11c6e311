#!/usr/bin/env bash
# deploy/dependencies.md says which program links which library; the programs themselves say it too.
set -eu
page=deploy/dependencies.md
bin=${BUILD:-build}/bin

# A library's name on the page, from the name of its file.
named() {
    case $1 in
    libcrypto.so.* | libssl.so.*) echo OpenSSL ;;
    libh2o-evloop.so.*) echo libh2o ;;
    libpq.so.* | librdkafka.so.* | libsodium.so.* | libzstd.so.* | libcurl.so.*) echo "${1%%.so.*}" ;;
    libjansson.so.*) echo jansson ;;
    libz.so.*) echo zlib ;;
    libgmp.so.*) echo GMP ;;
    libc.so.* | libm.so.*) ;; # the C library
    *) echo "$1" ;;
    esac
}

linked() {
    local program file soname
    for program in api tap meter biller access ctl; do
        file=$bin/weir-$program
        [ "$program" != ctl ] || file=$bin/weirctl
        for soname in $(LC_ALL=C readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
            named "$soname" | sed "s/\$/ $program/"
        done
    done | LC_ALL=C sort -u
}

# Rows of the first table: | library | least | Debian 12 | used by | ...
stated() {
    sed -n '/^## Libraries/,/^## Servers/p' "$page" |
        awk -F' *[|] *' 'NF > 5 && $2 != "library" && $2 !~ /^-/ && $5 != "unit tests" {
            n = split($5, programs, ", ")
            for (i = 1; i <= n; i++) { print $2, programs[i] }
        }' | LC_ALL=C sort -u
}

if ! diff -u --label "$page" --label "what the programs link" <(stated) <(linked); then
    echo "dependencies: $page differs from the programs" >&2
    exit 1
fi
echo "dependencies: ok"
