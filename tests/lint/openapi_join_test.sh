#!/usr/bin/env bash
# openapi_join_test.sh JOIN: what the join of the OpenAPI files refuses, and what it makes of good ones.
# Each case is a root file and two others, a.json and b.json, with one offence.
set -u
join=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

root='{"openapi": "3.1.0", "security": [{"key": []}], "paths": {}, "components": {
    "schemas": {"Problem": {"type": "object"}}, "securitySchemes": {"key": {"type": "http"}}}}'
a='{"paths": {"/a": {"get": {"operationId": "getA", "x": {"$ref": "#/components/schemas/A"}}}},
    "components": {"schemas": {"A": {"items": {"$ref": "#/components/schemas/Problem"}}}}}'

# verdict NAME OK: counts one case.
verdict() {
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "openapi_join_test: $1"
        cat "$dir/err"
    fi
}

# joined ROOT A B
joined() {
    printf '%s\n' "$1" >"$dir/root.json"
    printf '%s\n' "$2" >"$dir/a.json"
    printf '%s\n' "$3" >"$dir/b.json"
    "$join" "$dir/root.json" "$dir/a.json" "$dir/b.json" >"$dir/out" 2>"$dir/err"
}

# fine NAME B [ROOT]
fine() {
    if joined "${3:-$root}" "$a" "$2" && [ ! -s "$dir/err" ]; then verdict "$1" yes; else verdict "$1: refused" no; fi
}

# refused NAME WHAT-IT-SAYS B [ROOT]: exit code 1, nothing written, told once.
refused() {
    joined "${4:-$root}" "$a" "$3"
    if [ $? -eq 1 ] && [ ! -s "$dir/out" ] && [ "$(grep -cF -- "$2" "$dir/err")" = 1 ]; then
        verdict "$1" yes
    else
        verdict "$1: expected to be refused with: $2" no
    fi
}

# get_b REST: one operation.
get_b() {
    printf '{"paths": {"/b": {"get": {"operationId": "getB"%s}}}}' "$1"
}

fine nothing_more '{}'
fine an_operation "$(get_b ', "r": {"$ref": "#/components/schemas/A"}')"
fine a_discriminator '{"paths": {"/b": {"get": {"operationId": "getB", "mapping": {"b": "#/components/schemas/B"}}}},
    "components": {"schemas": {"B": {}}}}'
fine a_component_of_itself '{"paths": {"/b": {"get": {"operationId": "getB", "r": {"$ref": "#/components/schemas/B"}}}},
    "components": {"schemas": {"B": {"items": {"$ref": "#/components/schemas/B"}}}}}'
fine parameters_of_a_path '{"paths": {"/b": {"parameters": [{"$ref": "#/components/parameters/p"}], "get": {"operationId": "getB"}}},
    "components": {"parameters": {"p": {}}}}'

refused path_twice 'b.json: paths//a stands in' '{"paths": {"/a": {"post": {"operationId": "postA"}}}}'
refused schema_twice 'b.json: schemas/A stands in' '{"components": {"schemas": {"A": {}}}}'
refused schema_of_the_root_twice 'b.json: schemas/Problem stands in' '{"components": {"schemas": {"Problem": {}}}}'
refused operation_id_twice 'get /b: the operationId getA is that of get /a' '{"paths": {"/b": {"get": {"operationId": "getA"}}}}'
refused no_operation_id 'get /b: no operationId' '{"paths": {"/b": {"get": {}}}}'
refused key_twice 'duplicate object key' '{"paths": {"/b": {"get": {"operationId": "x", "operationId": "y"}}}}'
refused dangling "get /b: #/components/schemas/B isn't there" "$(get_b ', "r": {"$ref": "#/components/schemas/B"}')"
refused dangling_in_a_component "schemas/B: #/components/responses/R isn't there" '{"paths": {"/b": {"get":
    {"operationId": "getB", "r": {"$ref": "#/components/schemas/B"}}}}, "components": {"schemas": {"B": {"$ref": "#/components/responses/R"}}}}'
refused dangling_in_a_list "get /b: #/components/parameters/p isn't there" "$(get_b ', "l": [{"$ref": "#/components/parameters/p"}]')"
refused below_a_component "isn't there" "$(get_b ', "r": {"$ref": "#/components/schemas/A/items"}')"
refused only_a_kind "isn't there" "$(get_b ', "r": {"$ref": "#/components/schemas"}')"
refused into_a_file 'a $ref leads to a component' "$(get_b ', "r": {"$ref": "a.json#/components/schemas/A"}')"
refused ref_that_is_no_text 'a $ref leads to a component' "$(get_b ', "r": {"$ref": 1}')"
refused unused 'b.json: nothing uses schemas/B' '{"components": {"schemas": {"B": {}}}}'
refused unused_but_by_itself 'b.json: nothing uses schemas/B' '{"components": {"schemas": {"B": {"$ref": "#/components/schemas/B"}}}}'
refused unknown_scheme "get /b: #/components/securitySchemes/no isn't there" "$(get_b ', "security": [{"no": []}]')"
refused unused_scheme 'nothing uses securitySchemes/key' '{}' "${root/'"security": [{"key": []}],'/}"
refused stray_key 'b.json: security has its place in the root file' '{"security": []}'
refused no_json 'b.json:2: ' '{"paths": '
refused no_object 'b.json:-1: no object' '[]'
refused paths_no_object 'b.json: paths is no object' '{"paths": []}'
refused kind_no_object 'b.json: schemas is no object' '{"components": {"schemas": []}}'
refused components_no_object 'b.json: components is no object' '{"components": []}'

# Every member is there, the root's first.
joined "$root" "$a" "$(get_b '')"
if [ "$(tr -d ' \n' <"$dir/out")" = '{"openapi":"3.1.0","security":[{"key":[]}],"paths":{"/a":{"get":{"operationId":"getA","x":{"$ref":"#/components/schemas/A"}}},"/b":{"get":{"operationId":"getB"}}},"components":{"schemas":{"Problem":{"type":"object"},"A":{"items":{"$ref":"#/components/schemas/Problem"}}},"securitySchemes":{"key":{"type":"http"}}}}' ]; then
    verdict text yes
else
    verdict "text: $(cat "$dir/out")" no
fi

# A document that can't be written is a fault.
if "$join" "$dir/root.json" "$dir/a.json" "$dir/b.json" >/dev/full 2>"$dir/err"; then verdict 'disk full: not seen' no; else verdict disk_full yes; fi

echo "openapi join: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
