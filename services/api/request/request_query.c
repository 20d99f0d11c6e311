// Path and query parameters, unescaped into the request's arena.
#include "api/request/request.h"
#include "platform/http/http_form.h"

const char *request_query(struct request *r, const char *name) {
    struct slice raw = http_form_find(r->job->query, name);
    return raw.ptr == NULL ? NULL : http_form_unescape(r->arena, raw);
}

const char *request_param(const struct request *r, const char *name) {
    for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++) {
        if (slice_eq_str(route_param_name(r->route, i), name)) {
            return arena_str(r->arena, r->params[i]);
        }
    }
    return "";
}
