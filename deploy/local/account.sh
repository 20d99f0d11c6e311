# Which user a server runs as and where that user's files are. Sourced after settings.sh. As root every server
# has a system user of its own, so that who takes it over has its files and no more; an ordinary user's servers
# are that user's.
# shellcheck shell=bash disable=SC2034

# use_account NAME: sets server_user, and run_as, the words that go before a command of the server.
use_account() {
    server_user=$(id -un)
    run_as=()
    if [ "$(id -u)" -eq 0 ]; then
        server_user=$1
        run_as=(env -C / setpriv --reuid "$1" --regid "$1" --init-groups --inh-caps=-all --no-new-privs --)
    fi
}

# make_account NAME: the system user, if it is missing (another stack may be making it at the same time).
make_account() {
    id "$1" >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$1" ||
        id "$1" >/dev/null || die "system user $1 could not be made"
}

# own MODE PATH...: gives them to the server's user.
own() {
    local mode=$1
    shift
    [ "$(id -u)" -ne 0 ] || chown -h "$server_user:$server_user" "$@"
    chmod "$mode" "$@"
}

# server_home NAME LENGTH: prints the server's folder. It is in the stack folder, unless its user can't get
# there (a clone in /root) or its path would be longer than LENGTH.
server_home() {
    local home=$WEIR_STACK_DIR/$1 elsewhere
    if [ -L "$home" ]; then
        readlink "$home"
        return
    fi
    mkdir -p "$WEIR_STACK_DIR"
    if [ ${#home} -gt "$2" ] || ! "${run_as[@]}" test -x "$WEIR_STACK_DIR"; then
        elsewhere=$(mktemp -d "/var/tmp/weir-$1-XXXXXXXX")
        if [ -d "$home" ]; then
            find "$home" -mindepth 1 -maxdepth 1 -exec mv -t "$elsewhere" {} +
            rmdir "$home"
        fi
        ln -s "$elsewhere" "$home"
        home=$elsewhere
    fi
    echo "$home"
}
