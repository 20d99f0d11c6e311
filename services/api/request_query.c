// Path and query parameters, unescaped into the request's arena, and pages.
#include <stdlib.h>

#include "api/form.h"
#include "api/request.h"
#include "api/routes.h"
#include "base/encoding.h"
#include "base/number.h"

enum { QUERY_VALUE_MAX = 1000, CURSOR_MAX = 1000 };

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// application/x-www-form-urlencoded (WHATWG URL 5.1); NULL if malformed, not UTF-8, too long or
// with a NUL byte.
const char *form_unescape(struct arena *arena, struct slice s) {
    if (s.len > QUERY_VALUE_MAX * 3)
        return NULL;
    char *out = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return NULL;
        out[n++] = c;
    }
    out[n] = '\0';
    return n <= QUERY_VALUE_MAX && utf8_valid(slice_of(out, n)) ? out : NULL;
}

// The first value of `name` in a form; {NULL, 0} if absent.
struct slice form_find(struct slice form, const char *name) {
    size_t at = 0;
    while (at < form.len) {
        const char *start = form.ptr + at;
        const char *end = memchr(start, '&', form.len - at);
        size_t len = end != NULL ? (size_t)(end - start) : form.len - at;
        const char *equals = memchr(start, '=', len);
        size_t name_len = equals != NULL ? (size_t)(equals - start) : len;
        if (slice_eq_str(slice_of(start, name_len), name))
            return equals != NULL ? slice_of(equals + 1, len - name_len - 1) : slice_of("", 0);
        at += len + 1;
    }
    return (struct slice){NULL, 0};
}

const char *request_query(struct request *r, const char *name) {
    struct slice raw = form_find(r->job->query, name);
    return raw.ptr == NULL ? NULL : form_unescape(r->arena, raw);
}

const char *request_param(const struct request *r, const char *name) {
    for (size_t i = 0; i < REQUEST_PATH_PARAMS_MAX; i++) {
        if (slice_eq_str(route_param_name(r->route, i), name))
            return arena_str(r->arena, r->params[i]);
    }
    return "";
}

bool request_uuid_valid(struct slice s) {
    if (s.len != UUID_CHARS)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : hex_value(s.ptr[i]) < 0)
            return false;
    }
    return true;
}

static bool read_cursor(struct request *r, const char *text, struct page *page) {
    struct slice in = slice_str(text);
    if (in.len == 0 || in.len > CURSOR_MAX)
        return false;
    char *plain = arena_alloc(r->arena, in.len + 3);
    size_t n = base64url_decode(plain, in);
    if (n == (size_t)-1 || memchr(plain, '\0', n) != NULL || !utf8_valid(slice_of(plain, n)))
        return false;
    plain[n] = '\0';
    char *newline = strchr(plain, '\n');
    if (newline != NULL)
        *newline = '\0';
    page->keys[0] = plain;
    page->keys[1] = newline != NULL ? newline + 1 : NULL;
    return true;
}

bool request_page(struct request *r, struct page *ret) {
    struct page page = {.limit = REQUEST_PAGE_DEFAULT};
    const char *limit = request_query(r, "limit");
    if (limit != NULL && (!number_parse_i64(slice_str(limit), &page.limit) || page.limit < 1 ||
                          page.limit > REQUEST_PAGE_MAX)) {
        request_problem(r, PROBLEM_INVALID, "limit", "limit must be 1..%d", REQUEST_PAGE_MAX);
        return false;
    }
    const char *cursor = request_query(r, "cursor");
    if (cursor != NULL && !read_cursor(r, cursor, &page)) {
        request_problem(r, PROBLEM_INVALID, "cursor", "cursor must be a next_cursor of this list");
        return false;
    }
    page.fetch = page.limit + 1;
    *ret = page;
    return true;
}
