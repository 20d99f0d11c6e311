#!/usr/bin/env bash
# Runs the unit test programs given, each with its output in a file beside it; prints what failed and
# one closing line "N passed, N failed" that counts single tests.
set -u
folder=$1
shift
passed=0 failed=0
for program in "$@"; do
    log=$program.log
    name=${program#"$folder"/}
    "$program" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] [^ ]*$' "$log")
    passed=$((passed + ok))
    if [ "$status" -ne 0 ] || [ "$ok" -eq 0 ]; then
        [ "$bad" -eq 0 ] && bad=1
        failed=$((failed + bad))
        echo "--- $name failed (exit $status)"
        grep -vE '^\[( RUN      |       OK )\]' "$log" | tail -40
    else
        echo "ok $name ($ok)"
    fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
