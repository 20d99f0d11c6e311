// Results of statements, all columns as text.
#include <string.h>

#include <libpq-fe.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/instant.h"
#include "platform/pg/pg.h"

void pg_rows_clear(struct pg_rows *rows) {
    PQclear(rows->result);
    rows->result = NULL;
}

int pg_rows_count(const struct pg_rows *rows) {
    return rows->result == NULL ? 0 : PQntuples(rows->result);
}

int64_t pg_rows_affected(const struct pg_rows *rows) {
    const char *text = rows->result == NULL ? "" : PQcmdTuples(rows->result);
    int64_t n = 0;
    return number_parse_i64(slice_str(text), &n) ? n : 0;
}

bool pg_rows_is_null(const struct pg_rows *rows, int row, int column) {
    check(row >= 0 && row < pg_rows_count(rows));
    check(column >= 0 && column < PQnfields(rows->result));
    return PQgetisnull(rows->result, row, column) != 0;
}

struct slice pg_rows_slice(const struct pg_rows *rows, int row, int column) {
    if (pg_rows_is_null(rows, row, column)) {
        return (struct slice){NULL, 0};
    }
    return slice_of(PQgetvalue(rows->result, row, column),
                    (size_t)PQgetlength(rows->result, row, column));
}

const char *pg_rows_text(const struct pg_rows *rows, int row, int column) {
    struct slice s = pg_rows_slice(rows, row, column);
    return s.ptr == NULL ? "" : s.ptr; // libpq ends each value with a NUL
}

int64_t pg_rows_int8(const struct pg_rows *rows, int row, int column) {
    struct slice s = pg_rows_slice(rows, row, column);
    int64_t value = 0;
    check(s.ptr == NULL || number_parse_i64(s, &value));
    return value;
}

i128 pg_rows_i128(const struct pg_rows *rows, int row, int column) {
    struct slice s = pg_rows_slice(rows, row, column);
    i128 value = 0;
    check(s.ptr == NULL || number_parse_i128(s, &value));
    return value;
}

bool pg_rows_bool(const struct pg_rows *rows, int row, int column) {
    struct slice s = pg_rows_slice(rows, row, column);
    check(s.ptr == NULL || slice_eq_str(s, "t") || slice_eq_str(s, "f"));
    return slice_eq_str(s, "t");
}

// "2027-06-01 00:00:00.5+00": the session's zone is UTC, so the offset is always +00.
static int64_t instant_of(struct slice s) {
    enum { OFFSET_LEN = 3 };
    char text[64];
    check(s.len > OFFSET_LEN && s.len < sizeof text);
    check(memcmp(s.ptr + s.len - OFFSET_LEN, "+00", OFFSET_LEN) == 0);
    size_t len = s.len - OFFSET_LEN;
    memcpy(text, s.ptr, len);
    text[len] = 'Z';
    int64_t us = 0;
    check(instant_parse(slice_of(text, len + 1), &us));
    return us;
}

int64_t pg_rows_instant_us(const struct pg_rows *rows, int row, int column) {
    struct slice s = pg_rows_slice(rows, row, column);
    return s.ptr == NULL ? 0 : instant_of(s);
}

bool pg_rows_next_instant_us(const struct pg_rows *rows, int row, int column, size_t *at,
                             int64_t *ret_us) {
    struct slice s = pg_rows_slice(rows, row, column);
    if (*at >= s.len) {
        return false;
    }
    const char *from = s.ptr + *at;
    const char *comma = memchr(from, ',', s.len - *at);
    size_t len = comma == NULL ? s.len - *at : (size_t)(comma - from);
    *ret_us = instant_of(slice_of(from, len));
    *at += len + 1;
    return true;
}

struct slice pg_rows_bytea(const struct pg_rows *rows, int row, int column, struct arena *a) {
    struct slice s = pg_rows_slice(rows, row, column);
    if (s.ptr == NULL) {
        return s;
    }
    check(s.len >= 2 && s.ptr[0] == '\\' && s.ptr[1] == 'x'); // bytea_output is hex
    size_t len = (s.len - 2) / 2;
    char *out = arena_alloc(a, len);
    check(hex_decode(out, len, slice_of(s.ptr + 2, s.len - 2)));
    return slice_of(out, len);
}
