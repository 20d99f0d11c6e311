#!/usr/bin/env bash
# deploy/settings.md comes from the programs' own tables: `write` makes it, `check` fails if it differs.
set -eu
bin=${BUILD:-build}/bin
page=deploy/settings.md
make_page() {
    echo "# Settings"
    echo
    echo "Made from the tables in the programs (\`--help-markdown\`) by \`make settings-doc\`; not written by hand."
    echo "A setting \`some_name\` is \`some_name = value\` in the file of \`--config\`, \`WEIR_SOME_NAME\` in the"
    echo "environment and \`--some-name\` on the command line; the later one wins. Secrets are never taken from"
    echo "the command line, but from a file named by \`some_name_file\`."
    for program in weir-api weir-tap weir-meter weir-biller weir-access; do
        echo
        "$bin/$program" --help-markdown
    done
    for command in bootstrap migrate api bill export dead-letters unbound; do
        echo
        "$bin/weirctl" "$command" --help-markdown
    done
}
case ${1:-} in
write) make_page >"$page" ;;
check) make_page | diff -u "$page" - || {
    echo "$page is not what the programs say; run make settings-doc" >&2
    exit 1
} ;;
*) echo "usage: settings_doc.sh write | check" >&2; exit 2 ;;
esac
