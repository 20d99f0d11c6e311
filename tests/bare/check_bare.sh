#!/usr/bin/env bash
# Proves the README's first minute: `make demo-check` from a clean clone of HEAD on a bare Debian 12, once
# as root and once as an ordinary user with sudo, each on a system that has nothing installed yet.
# The systems stand in a folder of their own under TMPDIR and are gone afterwards. Where this machine can't
# make them, that is said: a failure in CI (CI=true), not proven elsewhere.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
began=$SECONDS work= inside=
umask 022

say() {
    printf 'check-bare: %4d s  %s\n' $((SECONDS - began)) "$*"
}

not_proven() {
    echo "check-bare: NOT PROVEN that Weir runs on a bare Debian 12: $1"
    if [ "${CI:-}" = true ]; then
        echo "check-bare: 0 passed, 1 failed"
        exit 1
    fi
    echo "check-bare: 0 passed, 0 failed, 1 skipped"
    exit 0
}

# in_namespaces COMMAND...: mounts, processes and shared memory of its own. In the background, for a signal
# to this shell waits for whatever runs in front.
in_namespaces() {
    unshare --mount --pid --ipc --fork --kill-child "$@" </dev/null &
    inside=$!
    wait "$inside"
    local status=$?
    inside=
    return "$status"
}

clean_up() {
    local status=$? first
    trap - EXIT INT TERM
    # The first process of a namespace takes all others of it along, and their mounts, before unshare ends.
    if [ -n "$inside" ]; then
        first=$(pgrep -P "$inside")
        kill -KILL "${first:-$inside}" 2>/dev/null
        wait "$inside"
    fi
    if [ -n "$work" ]; then
        if grep -qF " $work/" /proc/self/mountinfo; then
            echo "check-bare: something is mounted in $work, so it is left there" >&2
            status=1
        else
            rm -rf --one-file-system "$work" || status=1
        fi
    fi
    exit "$status"
}

# keep_evidence USER FOLDER: what a failed story kept would go with its system.
keep_evidence() {
    local kept=$root/build/check-bare/$1
    [ -d "$2" ] || return 0
    rm -rf "$kept"
    mkdir -p "${kept%/*}"
    cp -R "$2" "$kept"
    say "as $1: what the story kept is in $kept"
}

# first_minute USER: demo-check on a fresh copy of the bare system.
first_minute() {
    local user=$1 system=$work/$1 home status
    cp -a --reflink=auto "$work/bare" "$system" || return 1
    home=$system$(chroot "$system" getent passwd "$user" | cut -d: -f6)
    git clone -q --no-local "$root" "$home/weir" && git -C "$home/weir" checkout -q --detach "$commit" || return 1
    git -C "$home/weir" remote remove origin
    chroot "$system" chown -R "$user:" "${home#"$system"}/weir"
    say "as $user: make demo-check"
    in_namespaces "$here/enter.sh" "$system" "$user" make -C weir demo-check
    status=$?
    [ "$status" -eq 0 ] || keep_evidence "$user" "$home/weir/build/story-failed"
    rm -rf --one-file-system "$system"
    return "$status"
}

[ "$(id -u)" -eq 0 ] || not_proven "only root can make such a system (sudo make check-bare)"
command -v debootstrap >/dev/null || "$root/deploy/local/install.sh" dev || not_proven "debootstrap is missing"
commit=$(git -C "$root" rev-parse HEAD) || not_proven "git can't read $root"
trap clean_up EXIT
trap 'exit 130' INT TERM
work=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/weir-bare-XXXXXX")" && pwd -P)
# An ordinary user has to get through it to their home.
chmod 755 "$work"

[ -z "$(git -C "$root" status --porcelain)" ] || say "what is changed and not committed here is left out"
say "commit $commit; debootstrap"
in_namespaces "$here/make_system.sh" "$work/bare" || not_proven "this machine can't make a bare system (see above)"
passed=0 failed=0
for user in root newcomer; do
    if first_minute "$user"; then
        say "as $user: passed"
        passed=$((passed + 1))
    else
        say "as $user: FAILED"
        failed=$((failed + 1))
    fi
done
echo "check-bare: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
