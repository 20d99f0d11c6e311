#!/usr/bin/env bash
# enter.sh FOLDER USER COMMAND...: runs a command in the Debian system in FOLDER, as USER in their home.
# Called as the first process of mount, pid and ipc namespaces of its own: what is mounted here is seen
# by nobody else, and mounts and processes are gone when it ends. The network is the host's.
set -eu
bare=$1 user=$2
shift 2

mount -t proc proc "$bare/proc"
mount -t sysfs -o ro sysfs "$bare/sys"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$bare/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$bare/dev/shm"

home=$(chroot "$bare" getent passwd "$user" | cut -d: -f6)
# As Debian's login gives them.
if [ "$user" = root ]; then
    path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
else
    path=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games
fi
environment=(PATH="$path" HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash TERM=dumb)

# The rest of the way to the package registries; make_system.sh gave the files, and pip's and npm's may name
# a bundle that is only on the host.
bundle=/etc/ssl/certs/ca-certificates.crt
environment+=(PIP_CERT="$bundle" npm_config_cafile="$bundle")
for name in http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY \
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT \
    npm_config_registry NPM_CONFIG_REGISTRY MAVEN_OPTS; do
    [ -z "${!name:-}" ] || environment+=("$name=${!name}")
done

umask 022
# shellcheck disable=SC2016
exec env -i "${environment[@]}" "$(command -v chroot)" --userspec="$user:" "$bare" sh -c 'cd && exec "$@"' sh "$@"
