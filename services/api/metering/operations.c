#include "api/dispatch/handlers.h"

#include "api/request/request.h"
#include "base/number.h"

// The lists here page by one number (an id, newest first) or by time and key.
static void list(struct request *r, const struct pg_statement *statement, size_t keys) {
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (!request_page(r, page)) {
        return;
    }
    r->user = page;
    if (keys == 1) {
        request_read(r, statement, PG_PARAMS(pg_text(page->keys[0]), pg_int8(page->fetch)),
                     request_reply_user_page);
    } else {
        request_read(
            r, statement,
            PG_PARAMS(pg_text(page->keys[0]), pg_text(page->keys[1]), pg_int8(page->fetch)),
            request_reply_user_page);
    }
}

void dead_letter_list(struct request *r) {
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (!request_page(r, page)) {
        return;
    }
    r->user = page;
    request_read(r, &api_sql_dead_letter_list,
                 PG_PARAMS(pg_text(request_query(r, "reason")), pg_text(page->keys[0]),
                           pg_int8(page->fetch)),
                 request_reply_user_page);
}

static void row_found(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

void dead_letter_get(struct request *r) {
    int64_t id = 0;
    if (!number_parse_i64(slice_str(request_param(r, "number")), &id)) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such dead letter");
        return;
    }
    request_read(r, &api_sql_dead_letter_get, PG_PARAMS(pg_int8(id)), row_found);
}

void unbound_usage_list(struct request *r) {
    list(r, &api_sql_unbound_usage_list, 2);
}
void hole_list(struct request *r) {
    list(r, &api_sql_hole_list, 1);
}
void gap_list(struct request *r) {
    request_read(r, &api_sql_gap_list, PG_NO_PARAMS, request_reply_items);
}
void ledger_accounts(struct request *r) {
    request_read(r, &api_sql_ledger_accounts, PG_NO_PARAMS, request_reply_items);
}
void ledger_entries(struct request *r) {
    list(r, &api_sql_ledger_entries, 2);
}
