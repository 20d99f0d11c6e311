// One handler for all routes that name their statement: parameters, pages, items.
#include "api/request/read.h"

#include "api/request/cursor.h"
#include "api/request/request.h"
#include "api/request/route.h"
#include "api/request/uuid.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/number.h"

// What is kept of a read until its rows are there.
struct reading {
    int64_t limit; // rows to show
    struct pg_param params[READ_PARAMS_MAX + CURSOR_KEYS_MAX + 1];
    size_t count;
};

static bool time_fits(struct slice text) {
    int64_t us = 0;
    return instant_parse(text, &us);
}

static bool bool_fits(struct slice text) {
    return slice_eq_str(text, "true") || slice_eq_str(text, "false");
}

const struct read_rule read_bool = {bool_fits, "true or false"};
const struct read_rule read_uuid = {uuid_valid, "a uuid"};
const struct read_rule read_time = {time_fits, "a time like 2027-06-01T00:00:00Z"};

size_t read_params_count(const struct read *read) {
    size_t n = 0;
    while (n < READ_PARAMS_MAX && read->params[n].name != NULL) {
        n++;
    }
    return n;
}

size_t read_keys_count(const struct read *read) {
    return (size_t)read->statement->params - read_params_count(read) - 1;
}

// --- what was asked ------------------------------------------------------------------------------

static void add(struct reading *x, struct pg_param param) {
    x->params[x->count++] = param;
}

bool read_query(struct request *r, const struct read_param *param, const char **ret) {
    *ret = request_query(r, param->name);
    if (*ret == NULL) {
        *ret = param->fallback;
    } else if (param->rule != NULL && !param->rule->fits(slice_str(*ret))) {
        request_problem(r, PROBLEM_INVALID, param->name, "%s must be %s", param->name,
                        param->rule->what);
        return false;
    }
    return true;
}

// A parameter's text, of the path or the query; false: answered.
static bool take_param(struct request *r, const struct read_param *param, const char **ret) {
    if (param->name[0] != '{') {
        return read_query(r, param, ret);
    }
    *ret =
        request_param(r, arena_str(r->arena, slice_of(param->name + 1, strlen(param->name) - 2)));
    return true;
}

// ?limit= and ?cursor=; false: answered.
static bool take_page(struct request *r, const struct read *read, struct reading *x) {
    const char *keys[CURSOR_KEYS_MAX] = {NULL};
    size_t count = read_keys_count(read);
    check(count >= 1 && count <= CURSOR_KEYS_MAX);
    const char *limit = request_query(r, "limit");
    x->limit = READ_PAGE_DEFAULT;
    if (limit != NULL && (!number_parse_i64(slice_str(limit), &x->limit) || x->limit < 1 ||
                          x->limit > READ_PAGE_MAX)) {
        request_problem(r, PROBLEM_INVALID, "limit", "limit must be 1..%d", READ_PAGE_MAX);
        return false;
    }
    const char *cursor = request_query(r, "cursor");
    if (cursor != NULL && !cursor_read(r->arena, slice_str(cursor), keys, count)) {
        request_problem(r, PROBLEM_INVALID, "cursor", "cursor must be a next_cursor of this list");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        add(x, pg_text(keys[i]));
    }
    add(x, pg_int8(x->limit + 1)); // one more tells whether there is a next page
    return true;
}

// --- the answer ----------------------------------------------------------------------------------

static void add_items(struct buf *out, const struct pg_rows *rows, int shown) {
    buf_add_str(out, "{\"items\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0) {
            buf_add_char(out, ',');
        }
        buf_add_slice(out, pg_rows_slice(rows, i, 0));
    }
    buf_add_char(out, ']');
}

// Takes the text over.
static void reply_text(struct request *r, struct buf *out) {
    if (out->overflow) {
        buf_done(out);
        request_problem(r, PROBLEM_LIMIT, NULL, "the answer is too large; ask for fewer rows");
        return;
    }
    struct slice body = slice_of(arena_str(r->arena, buf_slice(out)), out->len);
    buf_done(out);
    request_reply_json(r, 200, body);
}

void read_reply_items(struct request *r, struct pg_rows *rows) {
    struct buf out;
    buf_init(&out, REQUEST_ANSWER_MAX);
    add_items(&out, rows, pg_rows_count(rows));
    buf_add_char(&out, '}');
    reply_text(r, &out);
}

static void reply_page(struct request *r, struct pg_rows *rows) {
    const struct reading *x = r->user;
    size_t count = read_keys_count(&r->route->read);
    bool more = pg_rows_count(rows) > x->limit;
    int shown = more ? (int)x->limit : pg_rows_count(rows);
    struct slice keys[CURSOR_KEYS_MAX];
    for (size_t i = 0; more && i < count; i++) {
        keys[i] = pg_rows_slice(rows, shown - 1, (int)i + 1);
    }
    struct buf out;
    buf_init(&out, REQUEST_ANSWER_MAX);
    add_items(&out, rows, shown);
    buf_add_str(&out, more ? ",\"next_cursor\":\"" : ",\"next_cursor\":null");
    if (more && !cursor_write(&out, keys, count)) {
        buf_done(&out);
        request_problem(r, PROBLEM_LIMIT, "limit",
                        "the page ends at a key of more than %d bytes; ask for another limit",
                        CURSOR_BYTES_MAX);
        return;
    }
    buf_add_str(&out, more ? "\"}" : "}");
    reply_text(r, &out);
}

static void reply_row(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

// --- the statement -------------------------------------------------------------------------------

static void run_statement(struct request *r) {
    static const request_step STEPS[] = {
        [READ_ROW] = reply_row, [READ_ITEMS] = read_reply_items, [READ_PAGE] = reply_page};
    const struct reading *x = r->user;
    const struct read *read = &r->route->read;
    request_read(r, read->statement, (struct pg_params){x->params, x->count}, STEPS[read->shape]);
}

static void on_owner(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_reply_row(r, 200, rows); // 404
    } else {
        run_statement(r);
    }
}

void read_run(struct request *r) {
    const struct read *read = &r->route->read;
    struct reading *x = arena_alloc(r->arena, sizeof *x);
    size_t count = read_params_count(read);
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        if (!take_param(r, &read->params[i], &text)) {
            return;
        }
        add(x, pg_text(text));
    }
    if (read->shape == READ_PAGE && !take_page(r, read, x)) {
        return;
    }
    r->user = x;
    if (read->of != NULL) {
        request_read(r, read->of, PG_PARAMS(pg_text(request_param(r, "id"))), on_owner);
    } else {
        run_statement(r);
    }
}
