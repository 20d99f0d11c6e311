#!/usr/bin/env bash
# SECURITY.md may name only tests that exist.
set -u
bad=0
while IFS= read -r name; do
    [ -e "tests/stack/$name" ] || [ -e "tests/$name" ] || { echo "named_tests: SECURITY.md names $name"; bad=1; }
done < <(grep -oE '`[a-z_/]+(_test\.py|\.expected)`' SECURITY.md | tr -d '`' | sort -u)
[ "$bad" -eq 0 ] && echo "named tests: ok"
exit "$bad"
