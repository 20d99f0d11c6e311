#!/usr/bin/env bash
# make_system.sh FOLDER: a bare Debian 12 as a newcomer has it: debootstrap's minimum with sudo,
# ca-certificates, git and make, and an ordinary user "newcomer" who may sudo. From this host it takes
# only the way to the package registries: names, certificates, and the settings of apt, pip, npm and Maven.
# Called in a mount namespace of its own, for debootstrap mounts things in the folder.
set -eu
bare=$1

# What apt says of each archive of Debian itself that this host takes its packages from: "URI SUITE".
# Other archives stay out; one of them may be where the host has a newer Node.js from.
debian_archives() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sed -n 's/^Debian \([^ ]* bookworm[^ ]*\) main$/\1/p' | sort -u
}

archives=$(debian_archives)
if [ -z "$archives" ]; then
    apt-get update -q
    archives=$(debian_archives)
fi
mirror=$(sed -n 's/ bookworm$//p' <<<"$archives" | head -1)
[ -n "$mirror" ] || {
    echo "make_system.sh: this host's apt knows no archive of Debian 12" >&2
    exit 1
}

eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
export http_proxy https_proxy
debootstrap --variant=minbase --include=sudo,ca-certificates,git,make bookworm "$bare" "$mirror" >"$bare.log" 2>&1 || {
    tail -n 20 "$bare.log" "$bare/debootstrap/debootstrap.log" >&2
    exit 1
}

cp -L /etc/resolv.conf /etc/hosts "$bare/etc/"

# --- certificates: into the system's own store, from which Java's is made too -------------------------
awk -v folder="$bare/usr/local/share/ca-certificates" '
    /BEGIN CERTIFICATE/ { file = sprintf("%s/host-%03d.crt", folder, ++n) }
    file { print >file }
    /END CERTIFICATE/ { close(file); file = "" }' "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
chroot "$bare" update-ca-certificates >"$bare.log" 2>&1 || {
    cat "$bare.log" >&2
    exit 1
}

# --- apt ----------------------------------------------------------------------------------------------
sed 's/^/deb /; s/$/ main/' <<<"$archives" >"$bare/etc/apt/sources.list"
apt-config dump | grep -iE '^Acquire::(https?::|Check-|Retries|ForceIPv)' >"$bare/etc/apt/apt.conf.d/99host" || true
for settings in /etc/apt/auth.conf /etc/apt/auth.conf.d; do
    [ ! -e "$settings" ] || cp -RT "$settings" "$bare$settings"
done

# --- the user, and pip, npm and Maven for the machine and for both users ---------------------------------
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$bare/etc/"
npmrc=$(npm config get globalconfig 2>/dev/null) || npmrc=/etc/npmrc
[ ! -f "$npmrc" ] || cp "$npmrc" "$bare/etc/npmrc"

chroot "$bare" useradd --create-home --shell /bin/bash newcomer
cat >"$bare/etc/sudoers.d/newcomer" <<'SUDOERS'
newcomer ALL=(ALL) NOPASSWD: ALL
Defaults env_keep += "http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY"
SUDOERS
chmod 440 "$bare/etc/sudoers.d/newcomer"

for user in root newcomer; do
    home=$bare$(chroot "$bare" getent passwd "$user" | cut -d: -f6)
    for settings in .pip/pip.conf .config/pip/pip.conf .npmrc; do
        [ -f "$HOME/$settings" ] || continue
        mkdir -p "$(dirname "$home/$settings")"
        cp "$HOME/$settings" "$home/$settings"
    done
    # Maven's own settings file is the package's; a user's one holds the same.
    for settings in "$HOME/.m2/settings.xml" /etc/maven/settings.xml; do
        [ -f "$settings" ] || continue
        mkdir -p "$home/.m2"
        cp "$settings" "$home/.m2/settings.xml"
        break
    done
    chroot "$bare" chown -R "$user:" "${home#"$bare"}"
done
rm -f "$bare.log"
