#include "api/dispatch/handlers.h"
#include "api/finance/period.h"
#include "api/request/request.h"

static void row_found(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

void invoice_list(struct request *r) {
    const char *period = NULL;
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (!request_page(r, page) || !period_query(r, &period)) {
        return;
    }
    r->user = page;
    request_read(r, &api_sql_invoice_list,
                 PG_PARAMS(pg_text(period), pg_text(page->keys[0]), pg_text(page->keys[1]),
                           pg_int8(page->fetch)),
                 request_reply_user_page);
}

void invoice_get(struct request *r) {
    request_read(r, &api_sql_invoice_get, PG_PARAMS(pg_text(request_param(r, "id"))), row_found);
}

static void invoice_lines_read(struct request *r, struct pg_rows *rows) {
    const struct page *page = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such invoice");
        return;
    }
    request_read(
        r, &api_sql_invoice_lines,
        PG_PARAMS(pg_text(request_param(r, "id")), pg_text(page->keys[0]), pg_int8(page->fetch)),
        request_reply_user_page);
}

void invoice_lines(struct request *r) {
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (request_page(r, page)) {
        r->user = page;
        request_read(r, &api_sql_invoice_visible, PG_PARAMS(pg_text(request_param(r, "id"))),
                     invoice_lines_read);
    }
}

void statement_list(struct request *r) {
    struct page *page = arena_alloc(r->arena, sizeof *page);
    if (!request_page(r, page)) {
        return;
    }
    r->user = page;
    request_read(r, &api_sql_statement_list,
                 PG_PARAMS(pg_text(page->keys[0]), pg_text(page->keys[1]), pg_int8(page->fetch)),
                 request_reply_user_page);
}

void statement_get(struct request *r) {
    request_read(r, &api_sql_statement_get, PG_PARAMS(pg_text(request_param(r, "id"))), row_found);
}
