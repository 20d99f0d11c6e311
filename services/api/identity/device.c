// The cookie is "<random>.<expires, seconds since 1970>.<hash>"; it names one person, the last one
// who signed in with this browser.
#include "api/identity/device.h"

#include "api/identity/auth.h"
#include "api/request/api.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/number.h"
#include "platform/program/clock.h"
#include "platform/secret/secret.h"

enum {
    DAYS = 180,
    SEAL_CHARS = (SECRET_HASH_BYTES * 8 + 5) / 6,
    COOKIE_MAX = 128, // bytes of a value
};

static void seal(const struct request *r, const char *person, struct slice named,
                 char out[SEAL_CHARS]) {
    unsigned char hash[SECRET_HASH_BYTES];
    const char *text = arena_printf(r->arena, "device\n%s\n%.*s", person, SLICE_ARG(named));
    secret_hash(hash, slice_str(text), r->api->master_key);
    check(base64url_encode(out, hash, sizeof hash) == SEAL_CHARS);
}

struct slice device_of(struct request *r, const char *person) {
    static const struct slice NONE = {NULL, 0};
    struct slice value = auth_cookie(r, r->api->device_cookie_name);
    if (value.len <= SEAL_CHARS + 1 || value.len > COOKIE_MAX) {
        return NONE;
    }
    struct slice named = slice_of(value.ptr, value.len - SEAL_CHARS - 1);
    const char *dot = memchr(named.ptr, '.', named.len);
    char expected[SEAL_CHARS];
    int64_t expires_s;
    if (dot == NULL || named.ptr[named.len] != '.') {
        return NONE;
    }
    seal(r, person, named, expected);
    size_t at = (size_t)(dot + 1 - named.ptr);
    if (!secret_equal(expected, named.ptr + named.len + 1, SEAL_CHARS) ||
        !number_parse_i64(slice_of(dot + 1, named.len - at), &expires_s) ||
        expires_s <= clock_system_us() / US_PER_SECOND) {
        return NONE;
    }
    return slice_of(named.ptr, at - 1);
}

void device_remember(struct request *r, const char *person) {
    char random[SECRET_TOKEN_CHARS + 1], sealed[SEAL_CHARS];
    secret_token(random);
    int64_t expires_s = clock_system_us() / US_PER_SECOND + DAYS * (US_PER_DAY / US_PER_SECOND);
    const char *named = arena_printf(r->arena, "%s.%lld", random, (long long)expires_s);
    seal(r, person, slice_str(named), sealed);
    const char *value = arena_printf(r->arena, "%s.%.*s", named, SEAL_CHARS, sealed);
    auth_set_cookie(r, r->api->device_cookie_name, value, DAYS * 86400);
}
