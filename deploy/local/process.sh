# Start, watch and stop one background program by its pid. Sourced after settings.sh.
# shellcheck shell=bash

# A pid file holds "<pid> <start time>": the start time (field 22 of /proc/<pid>/stat) tells a live
# program from another that got the same number later.
process_start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" != Z ] && echo "${20}"
}

# process_pid NAME: prints the pid while the program runs, else fails.
process_pid() {
    local pid started
    read -r pid started 2>/dev/null <"$run_dir/$1.pid" || return 1
    [ "$(process_start_time "$pid")" = "$started" ] || return 1
    echo "$pid"
}

# process_start NAME COMMAND...: own session, no terminal, output to log/NAME.out; its files are for its user and
# group alone.
process_start() {
    local name=$1 pid started
    shift
    rm -f "$run_dir/$name.pid" "$run_dir/$name.started"
    (
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || eval "exec $fd>&-"
        done
        umask 027
        # shellcheck disable=SC2016
        exec setsid --fork bash -c 'echo $$ >"$0"; exec "$@"' "$run_dir/$name.started" "$@" \
            </dev/null >>"$log_dir/$name.out" 2>&1
    )
    wait_until 10 "$name to start" test -s "$run_dir/$name.started"
    pid=$(cat "$run_dir/$name.started")
    rm -f "$run_dir/$name.started"
    started=$(process_start_time "$pid") || {
        tail -n 20 "$log_dir/$name.out" >&2
        die "$name ended at once; its output is in $log_dir/$name.out"
    }
    echo "$pid $started" >"$run_dir/$name.pid"
}

# process_stop NAME SECONDS: asks, waits for the exit, insists after SECONDS.
process_stop() {
    local name=$1 pid
    if pid=$(process_pid "$name"); then
        kill -TERM "$pid" 2>/dev/null || true
        if ! poll_until "$2" process_gone "$name"; then
            note "$name did not end within $2 s: killed"
            kill -KILL "$pid" 2>/dev/null || true
            poll_until 10 process_gone "$name" || die "$name (pid $pid) does not end"
        fi
    fi
    rm -f "$run_dir/$name.pid"
}

process_gone() {
    ! process_pid "$1" >/dev/null
}

# poll_until SECONDS COMMAND...: true as soon as the command is; false after SECONDS.
poll_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

wait_until() {
    local seconds=$1 what=$2
    shift 2
    poll_until "$seconds" "$@" || die "waited $seconds s in vain for $what"
}

# wait_ready NAME WHAT COMMAND...: like wait_until, but gives up at once when the program ends.
wait_ready() {
    local name=$1 what=$2 deadline=$((SECONDS + WEIR_START_SECONDS))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if process_gone "$name"; then
            tail -n 20 "$log_dir/$name.out" >&2
            die "$name ended before it was ready; its output is in $log_dir/$name.out"
        fi
        [ "$SECONDS" -lt "$deadline" ] || die "waited $WEIR_START_SECONDS s in vain for $what; see $log_dir/$name.out"
        sleep 0.1
    done
}

port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# require_free SETTING...: a busy port is the user's to decide, so say which one and how to change it.
require_free() {
    local setting port busy=0 what holder
    for setting in "$@"; do
        port=${!setting}
        port_answers "$port" || continue
        what=$(port_table | sed -n "s/^$setting [0-9]* //p")
        holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (pid \2)/p' | head -1)
        echo "${0##*/}: port $port ($what) is already in use$holder; stop that program or choose another port, e.g. $setting=$((port + 10000)) make up" >&2
        busy=1
    done
    [ "$busy" -eq 0 ] || exit 2
}
