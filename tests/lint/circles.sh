#!/usr/bin/env bash
# No circles: where one file calls another (by the symbols of their objects), the other doesn't call
# back, not over any number of files either. Function pointers handed over are no calls.
#   circles.sh FOLDER OBJECT...    objects, built already, named below FOLDER
# A circle that has to be is a line of ALLOWED, "caller callee", with its reason.
set -u
root=$1
shift
allowed=$(
    sed 's/ *#.*//' <<'ALLOWED'
ALLOWED
)

# nm prints "path:value type name", or "path: U name".
edges=$(
    nm -A -g "$@" |
        awk -v root="$root/" '
            { split($0, part, ":"); file = part[1]; sub(root, "", file); sub(/\.o$/, "", file); type = $(NF - 1); name = $NF }
            type == "U" { wanted[++n] = file SUBSEP name; next }
            # Each program has a main of its own.
            name != "main" { home[name] = file }
            END {
                for (i = 1; i <= n; i++) {
                    split(wanted[i], w, SUBSEP)
                    if ((w[2] in home) && home[w[2]] != w[1]) print w[1], home[w[2]]
                }
            }' | sort -u
)
[ -n "$edges" ] || { echo "circles: no objects" >&2; exit 2; }
[ -z "$allowed" ] || edges=$(grep -vxF "$allowed" <<<"$edges")
if ! loops=$(tsort <<<"$edges" 2>&1 >/dev/null); then
    echo "$loops" | sed 's/^tsort: //; s/^-: input contains a loop:/circles: these call each other:/'
    exit 1
fi
echo "circles: ok"
