#!/usr/bin/env bash
# The schema after all migrations against migrations/schema.expected; run after sql_check has migrated
# the database of WEIR_TEST_DATABASE. "schema.sh update" writes the file instead.
set -eu
expected=migrations/schema.expected
now=$(mktemp)
trap 'rm -f "$now"' EXIT
# Without what differs from server to server, and without rights: those are in tests/lint/privileges.expected.
"$WEIR_PG_BIN/pg_dump" --schema-only --no-owner --no-privileges --exclude-table=weir_migration "$WEIR_TEST_DATABASE" |
    grep -vE '^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$' | cat -s >"$now"
if [ "${1:-}" = update ]; then
    cp "$now" "$expected"
    echo "schema: $expected written, look at its diff"
elif diff -u "$expected" "$now" >&2; then
    echo "schema: 1 passed, 0 failed"
else
    echo "schema: differs from $expected; if that is meant: make schema-update" >&2
    echo "schema: 0 passed, 1 failed"
    exit 1
fi
