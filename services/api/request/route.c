// How a path is held against a route's.
#include "api/request/route.h"

#include <string.h>

#include "api/request/uuid.h"
#include "base/number.h"

// Cuts the next segment ("/v1/x" gives "v1") off; false at the end.
static bool next_segment(struct slice *path, struct slice *ret) {
    if (path->len == 0 || path->ptr[0] != '/') {
        return false;
    }
    const char *start = path->ptr + 1;
    size_t left = path->len - 1;
    const char *slash = memchr(start, '/', left);
    size_t len = slash != NULL ? (size_t)(slash - start) : left;
    *ret = slice_of(start, len);
    *path = slice_of(start + len, left - len);
    return true;
}

static bool is_param(struct slice segment) {
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

// A malformed id or number is a 404 and never reaches the database.
static bool fits(struct slice name, struct slice value) {
    int64_t number = 0;
    if (name.len >= 2 && memcmp(name.ptr + name.len - 2, "id", 2) == 0) {
        return uuid_valid(value);
    }
    if (slice_eq_str(name, "number")) {
        return number_parse_i64(value, &number);
    }
    return value.len > 0 && value.len <= ROUTE_PARAM_BYTES_MAX;
}

bool route_matches(const struct route *route, struct slice path, struct slice *params) {
    struct slice template = slice_str(route->path), want, have;
    size_t n = 0;
    while (next_segment(&template, &want)) {
        if (!next_segment(&path, &have)) {
            return false;
        }
        if (!is_param(want)) {
            if (!slice_eq(want, have)) {
                return false;
            }
        } else if (n < ROUTE_PARAMS_MAX && fits(slice_of(want.ptr + 1, want.len - 2), have)) {
            params[n++] = have;
        } else {
            return false;
        }
    }
    return path.len == 0;
}

bool route_reads(const struct route *route) {
    return strcmp(route->method, "GET") == 0;
}

bool route_reaches_tenants(const struct route *route, enum role role) {
    return route->operator_only || route_reads(route) || (route->for_tenants & role) != 0;
}

struct slice route_param_name(const struct route *route, size_t i) {
    struct slice template = slice_str(route->path), segment;
    size_t n = 0;
    while (next_segment(&template, &segment)) {
        if (is_param(segment) && n++ == i) {
            return slice_of(segment.ptr + 1, segment.len - 2);
        }
    }
    return (struct slice){NULL, 0};
}
