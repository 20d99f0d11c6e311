#!/usr/bin/env bash
# Who may do what in the migrated database: against tests/lint/privileges.expected, each right needed, and no
# function that its caller could turn against its owner. Run after sql_check has migrated the database of
# WEIR_TEST_DATABASE. "privileges.sh CHECK update" writes the file instead.
set -eu
check=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
expected=$here/privileges.expected
now=$(mktemp)
trap 'rm -f "$now"' EXIT
failed=0

"$check" "$here/function_needs.sql" >"$now" || failed=1
if [ "${2:-}" = update ]; then
    cp "$now" "$expected"
    echo "privileges: $expected written, look at its diff"
elif ! diff -u "$expected" "$now" >&2; then
    echo "privileges: differ from $expected; if that is meant: make schema-update" >&2
    failed=1
fi

# complaints [SQL]: what is wrong, after SQL, which is taken back.
complaints() {
    printf 'begin;\n%s\n\\i %s\nrollback;\n' "${1:-}" "$here/functions_check.sql" |
        "$WEIR_PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$WEIR_TEST_DATABASE"
}
found=$(complaints)
if [ -n "$found" ]; then
    printf '%s\n' "$found" >&2
    failed=1
fi
# The check itself must refuse what it is there for.
must_find() {
    complaints "$2" | grep -q "$1" || {
        echo "privileges: the check let pass: $2" >&2
        failed=1
    }
}
must_find 'search_path.*missing' "create function f() returns int language sql security definer as 'select 1';"
must_find 'search_path.*missing' "alter function topic_open_grants(uuid, text) set search_path = public;"
must_find 'search_path.*missing' "alter function guard_document() reset search_path;"
must_find 'everybody may call it' "grant execute on function statement_lines(uuid) to public;"
must_find 'can do more' "alter function keep_time_zone() owner to postgres;"
must_find 'can do more' "alter role weir_count_grants login;"
must_find 'can do more' "grant weir_biller to weir_count_grants;"
must_find 'for everybody' "do \$\$ begin execute format('grant temporary on database %I to public', current_database()); end \$\$;"
must_find 'has no right there' "create policy open on organisation to weir_meter using (true);"
must_find 'is a member of' "grant weir_biller to weir_api;"

[ $failed -eq 0 ] && echo "privileges: functions and roles 11 passed, 0 failed"
exit $failed
