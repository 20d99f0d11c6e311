#!/usr/bin/env bash
# layers.sh must see what it is there for: each case is a tree with one offence.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# try NAME EXPECTED FILE TEXT: EXPECTED is ok or bad.
try() {
    rm -rf "$dir/s"
    mkdir -p "$dir/s/shared/base" "$dir/s/shared/platform" "$dir/s/api" "$dir/s/meter" "$dir/s/$(dirname "$3")"
    printf '%s\n' "$4" >"$dir/s/$3"
    if "$here/layers.sh" "$dir/s" >"$dir/out" 2>&1; then found=ok; else found=bad; fi
    if [ "$found" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "layers_test: $1: expected $2, found $found"
        cat "$dir/out"
    fi
}

try clean ok shared/core/a.c '#include "base/err.h"'
try core_jansson ok shared/core/a.c '#include <jansson.h>'
try core_platform bad shared/core/a.c '#include "platform/log.h"'
try core_libpq bad shared/core/a.c '#include <libpq-fe.h>'
try core_time_header bad shared/core/a.c '#include <time.h>'
try core_time bad shared/core/a.c 'long f(void) { return time(NULL); }'
try core_time_in_name ok shared/core/a.c 'long f(void) { return broker_time(NULL); }'
try core_file bad shared/core/a.c 'void f(FILE *out);'
try core_double bad shared/core/a.h 'double price;'
try core_double_in_comment ok shared/core/a.h '// never a double'
try base_core bad shared/base/a.c '#include "core/plan.h"'
try platform_program bad shared/platform/a.c '#include "api/api.h"'
try program_own ok api/a.c '#include "api/api.h"'
try program_sql ok api/a.c '#include "api_sql.h"'
try program_other bad api/a.c '#include "meter/fold.h"'
try program_other_sql bad api/a.c '#include "meter_sql.h"'
try banned bad api/a.c 'void f(char *p) { strcpy(p, "x"); }'
try sql_from_strings bad meter/a.c 'buf_printf(b, "select * from t where x = %s", x);'
try money_json bad shared/core/money/a.c '#include "core/json/json_scan.h"'
try json_money ok shared/core/json/a.c '#include "core/money/decimal.h"'
try rating_brokerlog bad shared/core/rating/a.c '#include "core/brokerlog/broker_line.h"'
try usage_brokerlog ok shared/core/usage/a.c '#include "core/brokerlog/broker_line.h"'
try usage_billing bad shared/core/usage/a.c '#include "core/billing/document.h"'
try request_area bad api/request/a.c '#include "api/market/plans.h"'
try area_request ok api/market/a.c '#include "api/request/request.h"'
try area_area bad api/market/a.c '#include "api/finance/period.h"'
try area_dispatch bad api/market/a.c '#include "api/dispatch/routes.h"'
try site_area ok api/site/a.c '#include "api/identity/snapshot.h"'
try vague_name bad api/util.c 'int x;'

# circles.sh sees a circle over three objects, and none in a line of three.
circle() {
    rm -rf "$dir/c" && mkdir -p "$dir/c"
    local file
    for file in "${@:3}"; do
        printf 'int %s(void);\nint %s(void) { return %s(); }\n' "${file#*:}" "${file%:*}" "${file#*:}" |
            ${CC:-cc} -w -x c -c -o "$dir/c/${file%:*}.o" -
    done
    if "$here/circles.sh" "$dir/c" "$dir/c"/*.o >"$dir/out" 2>&1; then found=ok; else found=bad; fi
    if [ "$found" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "layers_test: $1: expected $2, found $found"
        cat "$dir/out"
    fi
}
circle circle_of_three bad one:two two:three three:one
circle line_of_three ok one:two two:three three:abort

echo "layers: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
