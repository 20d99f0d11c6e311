// Reads that need no C: a route names its statement, what the statement's parameters are, and what
// becomes of the rows.
//
//     {"GET", "/v1/plans/{id}", "getPlan", ROUTE_SIGNED_IN,
//      .read = {.statement = &api_sql_plan_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
//
// Whose rows are seen is the scope's to say (request_scope), so it is no parameter.
#ifndef WEIR_API_REQUEST_READ_H
#define WEIR_API_REQUEST_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct pg_rows;
struct pg_statement;
struct request;

enum {
    READ_PARAMS_MAX = 8,
    READ_PAGE_DEFAULT = 50, // rows of a page, unless ?limit= says so
    READ_PAGE_MAX = 200,
};

enum read_shape {
    // The first row: column 0 is the JSON text, column 1 (if there is one) the version for the
    // ETag. No row is 404.
    READ_ROW,
    // All rows as {"items":[...]}: column 0 is each item's JSON text.
    READ_ITEMS,
    // The same by pages, of ?limit= rows after ?cursor=, with a next_cursor. After those named, the
    // statement's parameters are the keys of the cursor (null on the first page; one or two, as
    // many as it has room for) and how many rows to fetch. Columns 1 and 2 are the keys of a row.
    READ_PAGE,
};

// The form that a parameter of the query must have.
struct read_rule {
    bool (*fits)(struct slice text);
    const char *what; // "a uuid"
};
extern const struct read_rule read_uuid;
extern const struct read_rule read_time; // RFC 3339
extern const struct read_rule read_bool; // true or false

struct read_param {
    const char *name;             // "{id}" of the path, "state" of the query
    const struct read_rule *rule; // NULL: any text
    const char *fallback;         // where the query hasn't it; NULL: null
};

struct read {
    const struct pg_statement *statement; // NULL: the route has a handler
    enum read_shape shape;
    struct read_param params[READ_PARAMS_MAX]; // in the statement's order
    // What the rows belong to: a statement on {id} alone that must find a row, else 404. NULL: none.
    const struct pg_statement *of;
};

size_t read_params_count(const struct read *read);
// Of READ_PAGE: the keys that the statement has room for; another count than 1 or 2 is a bug.
size_t read_keys_count(const struct read *read);

// For a handler that reads a parameter by the same rules: its text, or the fallback (perhaps NULL).
// False: answered, it hasn't the form.
bool read_query(struct request *r, const struct read_param *param, const char **ret);

// For a handler: all rows as READ_ITEMS has them.
void read_reply_items(struct request *r, struct pg_rows *rows);

// The handler of a route with a read.
void read_run(struct request *r);

#endif
