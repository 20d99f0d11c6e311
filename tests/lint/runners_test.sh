#!/usr/bin/env bash
# The tests' own runners: run_parts.sh counts what its parts say, check_bare.sh says what it couldn't prove
# and leaves nothing behind.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
chmod 755 "$dir"
passed=0 failed=0 skipped=0

verdict() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "runners_test: $1: expected '$2', found '$3'"
        cat "$dir/out"
    fi
}

# --- run_parts.sh, with a make whose targets are files of what they print and exit with ---------------
cat >"$dir/make" <<'STUB'
#!/bin/sh
for part; do :; done
cat "$part"
[ ! -f "$part.fails" ]
STUB
chmod +x "$dir/make"
echo "unit: 3 passed, 0 failed" >"$dir/counts"
echo "nothing to count" | tee "$dir/plain" "$dir/broken" >/dev/null
touch "$dir/broken.fails"
echo "2 passed, 1 skipped in 0.1s" >"$dir/pytest"
echo "check-bare: 0 passed, 0 failed, 1 skipped" >"$dir/unproven"

# parts EXIT CLOSING-LINE PART...
parts() {
    local status=$1 closing=$2
    shift 2
    (cd "$dir" && MAKE=$dir/make "$here/run_parts.sh" "$@") >"$dir/out" 2>&1
    verdict "parts $*" "$status $closing" "$? $(tail -1 "$dir/out")"
}

parts 0 "4 passed, 0 failed" counts plain
parts 1 "3 passed, 1 failed" counts broken
parts 0 "5 passed, 0 failed, 1 skipped" counts pytest
parts 0 "0 passed, 0 failed, 1 skipped" unproven

# --- check_bare.sh where it can't make a system: red in CI, yellow elsewhere --------------------------
nobody() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid nobody --regid nogroup --clear-groups "$@"
    else
        "$@"
    fi
}
# As a copy, for another user may not get to this one.
cp -R "$here/bare" "$dir/bare"
nobody env CI= "$dir/bare/check_bare.sh" >"$dir/out" 2>&1
verdict "no root" "0 check-bare: 0 passed, 0 failed, 1 skipped" "$? $(tail -1 "$dir/out")"
nobody env CI=true "$dir/bare/check_bare.sh" >"$dir/out" 2>&1
verdict "no root in CI" "1 check-bare: 0 passed, 1 failed" "$? $(tail -1 "$dir/out")"

# --- check_bare.sh ended while it makes a system, with something mounted there ------------------------
# The stand-in for debootstrap says when it has mounted, and stays.
mkdir "$dir/path" "$dir/tmp"
cat >"$dir/path/debootstrap" <<'STUB'
#!/bin/sh
for word; do [ ! -d "${word%/*}" ] || folder=$word; done
mkdir "$folder" && mount -t tmpfs tmpfs "$folder" && echo "$folder" >"${0%/*}/mounted"
exec sleep 600
STUB
chmod +x "$dir/path/debootstrap"
if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
    PATH="$dir/path:$PATH" TMPDIR=$dir/tmp timeout --foreground -k 5 60 "$here/bare/check_bare.sh" >"$dir/out" 2>&1 &
    check=$!
    until [ -s "$dir/path/mounted" ]; do
        kill -0 "$check" 2>/dev/null || break
        sleep 0.1
    done
    kill -TERM "$check"
    wait "$check"
    verdict "ended early" "130 " "$? $(ls "$dir/tmp")"
else
    skipped=1
fi

echo "runners: $passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
