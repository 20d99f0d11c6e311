#!/usr/bin/env bash
# The layers: calls go downward only, programs -> platform, core -> base (platform and core stand
# beside each other). Every include and a few calls are looked at; each offence is one line.
# With an argument, that folder is checked in place of services/ (for layers_test.sh).
set -u
root=${1:-services}
cd "$root" || exit 2
bad=0

offence() {
    echo "layers: $root/$1"
    bad=$((bad + 1))
}

# all_match PATTERN FOLDER...: "file:line:text" of the C lines that match, comments left out.
c_lines() {
    local pattern=$1
    shift
    grep -rnE --include='*.c' --include='*.h' "$pattern" "$@" 2>/dev/null | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(//|\*)'
}

# includes FOLDER ALLOWED: quoted includes of a folder must match, angled ones too.
includes() {
    local folder=$1 quoted=$2 angled=$3 line file
    [ -d "$folder" ] || return 0
    while IFS= read -r line; do
        file=${line#*:*:}
        case $file in
        *'"'*) echo "$file" | grep -qE "\"($quoted)\"" || offence "$line (not allowed in $folder)" ;;
        *'<'*) echo "$file" | grep -qE "<($angled)>" || offence "$line (not allowed in $folder)" ;;
        esac
    done < <(c_lines '^[[:space:]]*#[[:space:]]*include' "$folder")
}

standard='(assert|ctype|endian|errno|inttypes|limits|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings)\.h'
includes shared/base 'base/[a-z0-9_]+\.h' "$standard"
includes shared/core '(base|core)/[a-z0-9_/]+\.h' "$standard|[a-z]*intrin\.h|jansson\.h|gmp\.h|zstd\.h"
# The floors of core: money -> json -> brokerlog and rating, side by side -> usage, billing and topics, side
# by side -> export and proof.
includes shared/core/money '(base|core/money)/[a-z0-9_]+\.h' '.*'
includes shared/core/json '(base|core/(money|json))/[a-z0-9_]+\.h' '.*'
includes shared/core/brokerlog '(base|core/(money|json|brokerlog))/[a-z0-9_]+\.h' '.*'
includes shared/core/rating '(base|core/(money|json|rating))/[a-z0-9_]+\.h' '.*'
includes shared/core/topics '(base|core/(brokerlog|topics))/[a-z0-9_]+\.h' '.*'
includes shared/core/usage '(base|core/(money|json|brokerlog|rating|usage))/[a-z0-9_]+\.h' '.*'
includes shared/core/billing '(base|core/(money|json|brokerlog|rating|billing))/[a-z0-9_]+\.h' '.*'
includes shared/core/export '(base|core/(money|json|export))/[a-z0-9_]+\.h' '.*'
includes shared/platform '(base|platform)/[a-z0-9_/]+\.h' '.*'
for program in */; do
    program=${program%/}
    case $program in shared | portal) continue ;; esac
    includes "$program" "(base|core|platform|$program)/[a-z0-9_/]+\.h|${program}_sql\.h|migrations\.h" '.*'
done

# The floors of weir-api: request -> the areas, side by side -> site -> dispatch -> main.
below='base|core/[a-z0-9_]+|platform/[a-z0-9_]+|api/request'
includes api/request "($below)/[a-z0-9_]+\.h|api_sql\.h" '.*'
for area in identity market metering finance; do
    includes api/$area "($below|api/$area)/[a-z0-9_]+\.h|api_sql\.h" '.*'
done
includes api/site "($below|api/(identity|market|metering|finance|site))/[a-z0-9_]+\.h|api_sql\.h" '.*'

# base and core do no input or output, read no clock, no environment, no randomness, and don't log.
while IFS= read -r line; do
    case $line in
    # The one place where a broken promise ends the program.
    shared/base/check.c:*) continue ;;
    esac
    offence "$line (base and core have no I/O, clock or environment)"
done < <(c_lines '(^|[^a-zA-Z0-9_])(printf|fprintf|puts|fputs|fopen|fdopen|fclose|fread|fwrite|time|gettimeofday|clock_gettime|localtime(_r)?|gmtime(_r)?|mktime|getenv|setlocale|rand|srand|random|getrandom|exit|system|fork|pthread_[a-z_]+)[[:space:]]*\(' shared/base shared/core)
while IFS= read -r line; do
    offence "$line (no file handles in base and core)"
done < <(c_lines '(^|[^a-zA-Z0-9_])(FILE[[:space:]]*\*|(stdin|stdout|stderr)([^a-zA-Z0-9_.]|$))' shared/base shared/core | grep -v '^shared/base/check.c:')

# No binary floating point near quantities and money: none in base and core at all.
while IFS= read -r line; do
    offence "$line (no binary floating point in base and core)"
done < <(c_lines '(^|[^a-zA-Z0-9_"])(double|float)([^a-zA-Z0-9_"]|$)|json_real' shared/base shared/core)

# Functions without bounds, anywhere.
while IFS= read -r line; do
    offence "$line (banned: use buf, snprintf, memcpy or number_parse)"
done < <(c_lines '(^|[^a-zA-Z0-9_])(strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets|atoi|atol|atoll|strtok|alloca)[[:space:]]*\(' .)

# SQL is built by the server from parameters, never here from strings.
while IFS= read -r line; do
    offence "$line (SQL belongs in a .sql file beside its store)"
done < <(c_lines '(printf|buf_add_str)[^;]*"[[:space:]]*(select|insert into|update|delete from|with)[[:space:]][^"]*%' . -i)

# Names that say nothing.
while IFS= read -r file; do
    offence "$file (name the concept)"
done < <(find . -name 'util*.[ch]' -o -name 'common*.[ch]' -o -name 'misc*.[ch]' -o -name '*helper*.[ch]')

[ "$bad" -eq 0 ] && echo "layers: ok"
[ "$bad" -eq 0 ]
