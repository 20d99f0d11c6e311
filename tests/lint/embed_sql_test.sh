#!/usr/bin/env bash
# embed_sql.awk must say of a .sql file what C and the check of statements rely on, and refuse the rest.
set -u
here=$(cd "$(dirname "$0")" && pwd)
awk_file=$here/../../services/shared/platform/pg/embed_sql.awk
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# embed KIND TEXT...: each text is a file of its own.
embed() {
    kind=$1
    shift
    rm -f "$dir"/*.sql
    n=0
    for text in "$@"; do
        n=$((n + 1))
        printf '%s\n' "$text" >"$dir/$n.sql"
    done
    awk -v program=tap -v kind="$kind" -f "$awk_file" "$dir"/*.sql >"$dir/out" 2>&1
}

result() { # NAME OK
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "embed_sql_test: $1"
        cat "$dir/out"
    fi
}

# has NAME KIND EXPECTED TEXT...: the output without white space holds EXPECTED without white space.
has() {
    name=$1 kind=$2 expected=$3
    shift 3
    ok=no
    if embed "$kind" "$@"; then
        case $(tr -d ' \n' <"$dir/out") in *"$(printf '%s' "$expected" | tr -d ' \n')"*) ok=yes ;; esac
    fi
    result "$name" "$ok"
}

# bad NAME MESSAGE TEXT...
bad() {
    name=$1 message=$2
    shift 2
    ok=no
    embed c "$@" || { grep -q "$message" "$dir/out" && ok=yes; }
    result "$name" "$ok"
}

has text c '.name = "tap_a", .text = "select 1", .params = 0' '-- name: a
-- why
select 1;'
has params c '.params = 12' '-- name: a
select $2, $12::int, $3'
has columns_are_numbers h 'enum { TAP_A_ID, TAP_A_SEEN_AT, TAP_A_NAME, };' '-- name: a
-- columns: id, seen_at
-- columns: name
select id, seen_at, name from t'
has columns_are_kept c '.columns = (const char *const[]){ "id", "seen_at", }, .columns_count = 2' '-- name: a
-- columns: id, seen_at
select id, seen_at from t'
has no_columns c '.params = 0, .columns_count = 0' '-- name: a
select 1'
has piece c '.text = "select id, seen_at from t where id = $1", .params = 1' '-- piece: shown
id, seen_at
-- name: a
select {{shown}} from t where id = $1'
has piece_in_piece c '.text = "select (1) + (1) + $3", .params = 3' '-- piece: one
(1)
-- piece: two
{{one}} + {{one}} + $3
-- name: a
select {{two}}'

bad columns_without_statement 'right after the name' '-- columns: a
-- name: a
select 1'
bad columns_after_text 'right after the name' '-- name: a
select 1
-- columns: b'
bad column_name 'not a name' '-- name: a
-- columns: a, B
select 1'
bad same_name_twice 'a second statement' '-- name: a
select 1' '-- name: a
select 2'
bad no_text 'has no text' '-- name: a
-- name: b
select 1'
bad no_name 'before the first' 'select 1'
bad unknown_piece 'no piece named' '-- name: a
select {{shown}}'
bad piece_of_another_file 'no piece named' '-- piece: shown
id
-- name: a
select {{shown}}' '-- name: b
select {{shown}}'
bad piece_of_nobody 'nobody uses' '-- piece: shown
id
-- name: a
select 1'

echo "embed_sql_test: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
