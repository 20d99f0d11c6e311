#!/usr/bin/env bash
# Runs benchmarks, each a make target with its output in build/bench/<name>.log, all of them even when
# one fails; ends with their ratio lines. A ratio below its goal is a figure, not a failure.
set -u
make=${MAKE:-make}
logs=build/bench
mkdir -p "$logs"
failed=0 ratios=

for bench in "$@"; do
    log=$logs/$bench.log
    echo "=== $bench"
    begun=$SECONDS
    "$make" --no-print-directory "$bench" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    lines=$(grep -E '^ratio [a-z_]+ [0-9.]+ goal ' "$log")
    if [ "$status" -ne 0 ] || [ -z "$lines" ]; then
        echo "$bench: failed after $((SECONDS - begun)) s, see $log"
        failed=$((failed + 1))
    fi
    [ -z "$lines" ] || ratios+=$lines$'\n'
done
echo
echo "=== all ratios"
printf '%s' "$ratios"
[ "$failed" -eq 0 ] || echo "$failed of $# benchmarks failed"
[ "$failed" -eq 0 ]
