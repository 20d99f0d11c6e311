// Both formats have the columns of the statement; CSV is core/export/csv.h's. Who exported what is in
// the audit log.
#include <string.h>

#include "api/finance/period.h"
#include "api/request/request.h"
#include "core/export/csv.h"

enum { EXPORT_ROWS_MAX = 20000 }; // of one file

struct export {
    const struct pg_statement *statement; // its columns are those of the file
    const char *name;                     // of the file
};

static const struct export INVOICES = {&api_sql_export_invoices, "invoices"};
static const struct export LINES = {&api_sql_export_invoice_lines, "invoice-lines"};

static bool format_fits(struct slice text) {
    return slice_eq_str(text, "csv") || slice_eq_str(text, "json");
}

static const struct read_rule FORMAT_RULE = {format_fits, "\"csv\" or \"json\""};
static const struct read_param FORMAT = {"format", &FORMAT_RULE, "csv"};
static const struct read_param PERIOD = {"period", &period_rule, NULL};

struct exporting {
    const struct export *what;
    bool csv;
    const char *period;
};

static void render_csv(struct buf *out, const struct pg_statement *st, const struct pg_rows *rows) {
    for (int c = 0; c < st->columns_count; c++) {
        buf_printf(out, "%s%s", c == 0 ? "" : ",", st->columns[c]);
    }
    buf_add_str(out, "\r\n");
    for (int row = 0; row < pg_rows_count(rows); row++) {
        for (int c = 0; c < st->columns_count; c++) {
            if (c > 0) {
                buf_add_char(out, ',');
            }
            csv_add_cell(out, pg_rows_slice(rows, row, c));
        }
        buf_add_str(out, "\r\n");
    }
}

static void render_json(struct buf *out, const struct pg_statement *st,
                        const struct pg_rows *rows) {
    buf_add_char(out, '[');
    for (int row = 0; row < pg_rows_count(rows); row++) {
        buf_add_str(out, row == 0 ? "\n{" : ",\n{");
        for (int c = 0; c < st->columns_count; c++) {
            buf_printf(out, "%s\"%s\":", c == 0 ? "" : ",", st->columns[c]);
            if (pg_rows_is_null(rows, row, c)) {
                buf_add_str(out, "null");
            } else {
                buf_add_json_string(out, pg_rows_slice(rows, row, c));
            }
        }
        buf_add_char(out, '}');
    }
    buf_add_str(out, "\n]\n");
}

static void export_found(struct request *r, struct pg_rows *rows) {
    const struct exporting *x = r->user;
    if (pg_rows_count(rows) > EXPORT_ROWS_MAX) {
        request_problem(r, PROBLEM_LIMIT, "period",
                        "more than %d rows: export one period at a time", EXPORT_ROWS_MAX);
        return;
    }
    struct buf out;
    buf_init(&out, REQUEST_ANSWER_MAX);
    if (x->csv) {
        render_csv(&out, x->what->statement, rows);
    } else {
        render_json(&out, x->what->statement, rows);
    }
    if (out.overflow) {
        request_problem(r, PROBLEM_LIMIT, "period",
                        "the export is too large: export one period at a time");
    } else {
        request_header(r, "content-disposition",
                       arena_printf(r->arena, "attachment; filename=\"%s%s%s.%s\"", x->what->name,
                                    x->period == NULL ? "" : "-",
                                    x->period == NULL ? "" : x->period, x->csv ? "csv" : "json"));
        const char *body = arena_str(r->arena, buf_slice(&out));
        request_audit(r, "export", "export", x->what->name, NULL,
                      arena_printf(r->arena, "{\"rows\":%d,\"period\":%s%s%s,\"format\":\"%s\"}",
                                   pg_rows_count(rows), x->period == NULL ? "null" : "\"",
                                   x->period == NULL ? "" : x->period,
                                   x->period == NULL ? "" : "\"", x->csv ? "csv" : "json"),
                      NULL);
        request_reply_bytes(r, 200, x->csv ? "text/csv; charset=utf-8" : "application/json",
                            slice_of(body, out.len));
    }
    buf_done(&out);
}

static void export_run(struct request *r, const struct export *what) {
    struct exporting *x = arena_alloc(r->arena, sizeof *x);
    const char *format = NULL;
    if (!read_query(r, &FORMAT, &format) || !read_query(r, &PERIOD, &x->period)) {
        return;
    }
    x->what = what;
    x->csv = strcmp(format, "csv") == 0;
    r->user = x;
    // In a transaction, so that nothing leaves without the row that says who took it.
    request_write(r, what->statement, PG_PARAMS(pg_text(x->period), pg_int8(EXPORT_ROWS_MAX + 1)),
                  export_found);
}

static void export_invoices(struct request *r) {
    export_run(r, &INVOICES);
}

static void export_invoice_lines(struct request *r) {
    export_run(r, &LINES);
}

static const struct route ROWS[] = {
    {"GET", "/v1/exports/invoices", "exportInvoices", ROUTE_FINANCE, .handler = export_invoices},
    {"GET", "/v1/exports/invoice-lines", "exportInvoiceLines", ROUTE_FINANCE,
     .handler = export_invoice_lines},
};
const struct route_table export_routes = ROUTE_TABLE(ROWS);
