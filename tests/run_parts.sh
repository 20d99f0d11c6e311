#!/usr/bin/env bash
# Runs parts of the tests, each a make target with its output in build/test/<part>.log, all of them
# even when one fails; ends with one table, what failed, and one line "N passed, N failed", with "N skipped"
# if any were.
set -u
make=${MAKE:-make}
logs=build/test
mkdir -p "$logs"
passed=0 failed=0 skipped=0 table='' named=''

# A part's counts stand in its own closing lines: "unit: 12 passed, 0 failed" or pytest's "9 passed in 3s".
count() {
    grep -oE "[0-9]+ $1" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# Which tests failed and what they said: whoever sees the end of the output alone needs no log.
what_failed() {
    { grep -E '^(E  |FAILED|ERROR|SKIPPED|\[  FAILED  \]|make.*\*\*\*)|(: |^)error: ' "$1" || tail -n 20 "$1"; } |
        cut -c1-200 | tail -n 10 | sed 's/^/    /'
}

for part in "$@"; do
    log=$logs/$part.log
    echo "=== $part"
    begun=$SECONDS
    "$make" --no-print-directory -j "$(nproc)" "$part" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    closing=$(mktemp)
    grep -E '^([a-z-]+: )?[0-9]+ (passed|failed|skipped|error)|^=* ?[0-9]+ (passed|failed)' "$log" >"$closing"
    ok=$(count passed "$closing")
    bad=$(($(count failed "$closing") + $(count error "$closing")))
    left=$(count skipped "$closing")
    rm -f "$closing"
    # A check that counts nothing is one test; a failure that counted none is one too.
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ "$status" -eq 0 ] && [ $((ok + left)) -eq 0 ] && ok=1
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + left))
    table+=$(printf '%-14s %6d passed %4d failed %5d s%s' "$part" "$ok" "$bad" "$((SECONDS - begun))" \
        "$([ "$left" -eq 0 ] || echo "   $left skipped")$([ "$status" -eq 0 ] || echo "   see $log")")$'\n'
    [ "$status" -eq 0 ] || named+=$(printf '%s:\n' "$part" && what_failed "$log")$'\n'
done
echo
printf '%s%s' "$table" "$named"
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
