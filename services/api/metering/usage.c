#include "api/dispatch/handlers.h"

#include <string.h>

#include "api/request/request.h"
#include "base/instant.h"

// ?from= and ?to=, RFC 3339. False: answered.
static bool interval(struct request *r, const char **ret_from, const char **ret_to) {
    static const char *const NAMES[] = {"from", "to"};
    const char **const outs[] = {ret_from, ret_to};
    for (size_t i = 0; i < 2; i++) {
        int64_t us = 0;
        *outs[i] = request_query(r, NAMES[i]);
        if (*outs[i] != NULL && !instant_parse(slice_str(*outs[i]), &us)) {
            request_problem(r, PROBLEM_INVALID, NAMES[i],
                            "%s is not a time like 2027-06-01T00:00:00Z", NAMES[i]);
            return false;
        }
    }
    return true;
}

static void row_found(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

void usage_of_subscription(struct request *r) {
    const char *from = NULL;
    const char *to = NULL;
    const char *granularity = request_query(r, "granularity");
    if (granularity == NULL) {
        granularity = "day";
    }
    if (strcmp(granularity, "day") != 0 && strcmp(granularity, "quarter") != 0) {
        request_problem(r, PROBLEM_INVALID, "granularity",
                        "granularity is \"quarter\" (of an hour) or \"day\"");
        return;
    }
    if (interval(r, &from, &to)) {
        request_read(r, &api_sql_usage_of_subscription,
                     PG_PARAMS(pg_text(request_param(r, "id")), pg_text(from), pg_text(to),
                               pg_text(granularity)),
                     row_found);
    }
}

void usage_list(struct request *r) {
    const char *from = NULL;
    const char *to = NULL;
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (!request_page(r, page) || !interval(r, &from, &to)) {
        return;
    }
    r->user = page;
    request_read(r, &api_sql_usage_list,
                 PG_PARAMS(pg_text(from), pg_text(to), pg_text(page->keys[0]),
                           pg_text(page->keys[1]), pg_int8(page->fetch)),
                 request_reply_user_page);
}

void charges_of_subscription(struct request *r) {
    request_read(r, &api_sql_charges_of_subscription, PG_PARAMS(pg_text(request_param(r, "id"))),
                 row_found);
}
