// Path and query parameters, unescaped into the request's arena, and pages.
#include <ctype.h>

#include "api/dispatch/routes.h"
#include "api/request/request.h"
#include "base/encoding.h"
#include "base/number.h"
#include "platform/http/http_form.h"

enum { CURSOR_MAX = 1000 };

const char *request_query(struct request *r, const char *name) {
    struct slice raw = http_form_find(r->job->query, name);
    return raw.ptr == NULL ? NULL : http_form_unescape(r->arena, raw);
}

const char *request_param(const struct request *r, const char *name) {
    for (size_t i = 0; i < REQUEST_PATH_PARAMS_MAX; i++) {
        if (slice_eq_str(route_param_name(r->route, i), name)) {
            return arena_str(r->arena, r->params[i]);
        }
    }
    return "";
}

bool request_uuid_valid(struct slice s) {
    if (s.len != UUID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !isxdigit((unsigned char)s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool read_cursor(struct request *r, const char *text, struct page *page) {
    struct slice in = slice_str(text);
    if (in.len == 0 || in.len > CURSOR_MAX) {
        return false;
    }
    char *plain = arena_alloc(r->arena, in.len + 3);
    size_t n = base64url_decode(plain, in);
    if (n == (size_t)-1 || memchr(plain, '\0', n) != NULL || !utf8_valid(slice_of(plain, n))) {
        return false;
    }
    plain[n] = '\0';
    char *newline = strchr(plain, '\n');
    if (newline != NULL) {
        *newline = '\0';
    }
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
