// Parameters of statements: single values as text, arrays in PostgreSQL's binary format
// (src/backend/utils/adt/arrayfuncs.c, array_recv), which needs no quoting.
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/instant.h"
#include "platform/pg/pg.h"

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    HEADER_BYTES = 20,
    UUID_BYTES = 16,
    UUID_CHARS = 36,
};

// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps begin.
static const int64_t PG_EPOCH_US = 946684800LL * 1000000;

struct pg_param pg_null(void) {
    return (struct pg_param){.value = NULL};
}

struct pg_param pg_text(const char *value) {
    return (struct pg_param){.value = value};
}

struct pg_param pg_slice_in(struct arena *a, struct slice value) {
    check(value.len == 0 || memchr(value.ptr, '\0', value.len) == NULL);
    return pg_text(value.ptr == NULL ? NULL : arena_str(a, value));
}

struct pg_param pg_i128(i128 value) {
    struct pg_param p = {.value = NULL};
    number_format_i128(p.digits, value);
    return p;
}

struct pg_param pg_int8(int64_t value) {
    return pg_i128(value);
}

struct pg_param pg_bool(bool value) {
    return pg_text(value ? "true" : "false");
}

struct pg_param pg_instant(int64_t us) {
    _Static_assert((int)INSTANT_TEXT_MAX <= (int)I128_TEXT_MAX, "an instant fits in digits");
    struct pg_param p = {.value = NULL};
    instant_format(p.digits, us);
    return p;
}

struct pg_param pg_bytea(const void *data, size_t len) {
    check(len <= INT32_MAX);
    static const char EMPTY[1] = "";
    return (struct pg_param){.value = len == 0 ? EMPTY : data, .length = (int)len, .format = 1};
}

// --- arrays --------------------------------------------------------------------------------------

static uint32_t element_oid(enum pg_array_type type) {
    switch (type) {
    case PG_INT8: return OID_INT8;
    case PG_TEXT: return OID_TEXT;
    case PG_BYTEA: return OID_BYTEA;
    case PG_BOOL: return OID_BOOL;
    case PG_UUID: return OID_UUID;
    case PG_TIMESTAMPTZ: return OID_TIMESTAMPTZ;
    case PG_NUMERIC: return OID_NUMERIC;
    }
    return 0;
}

static void put_u32(char *at, uint32_t value) {
    uint32_t big = htobe32(value);
    memcpy(at, &big, sizeof big);
}

static void put_u16(char *at, uint16_t value) {
    uint16_t big = htobe16(value);
    memcpy(at, &big, sizeof big);
}

static void start(struct pg_array *a) {
    static const char ZEROS[HEADER_BYTES] = {0};
    a->count = 0;
    a->has_null = false;
    buf_clear(&a->bytes);
    buf_add(&a->bytes, ZEROS, sizeof ZEROS);
}

void pg_array_init(struct pg_array *a, enum pg_array_type type, size_t max_bytes) {
    check(max_bytes >= HEADER_BYTES && max_bytes < INT32_MAX);
    a->type = type;
    buf_init(&a->bytes, max_bytes);
    start(a);
}

void pg_array_done(struct pg_array *a) {
    buf_done(&a->bytes);
}

void pg_array_clear(struct pg_array *a) {
    start(a);
}

static void add_element(struct pg_array *a, const void *data, size_t len) {
    char length[4];
    put_u32(length, (uint32_t)len);
    buf_add(&a->bytes, length, sizeof length);
    buf_add(&a->bytes, data, len);
    a->count++;
}

static void add_u64(struct pg_array *a, uint64_t value) {
    uint64_t big = htobe64(value);
    add_element(a, &big, sizeof big);
}

void pg_array_add_int8(struct pg_array *a, int64_t value) {
    check(a->type == PG_INT8);
    add_u64(a, (uint64_t)value);
}

void pg_array_add_bytes(struct pg_array *a, struct slice value) {
    check(a->type == PG_TEXT || a->type == PG_BYTEA);
    if (value.len > a->bytes.max) {
        a->bytes.overflow = true;
        return;
    }
    add_element(a, value.ptr, value.len);
}

void pg_array_add_bool(struct pg_array *a, bool value) {
    check(a->type == PG_BOOL);
    char byte = value ? 1 : 0;
    add_element(a, &byte, sizeof byte);
}

void pg_array_add_uuid(struct pg_array *a, struct slice text) {
    check(a->type == PG_UUID && text.len == UUID_CHARS);
    char digits[UUID_CHARS];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            check(text.ptr[i] == '-');
        } else {
            digits[n++] = text.ptr[i];
        }
    }
    unsigned char bytes[UUID_BYTES];
    check(hex_decode(bytes, sizeof bytes, slice_of(digits, n)));
    add_element(a, bytes, sizeof bytes);
}

void pg_array_add_instant(struct pg_array *a, int64_t us) {
    check(a->type == PG_TIMESTAMPTZ);
    add_u64(a, (uint64_t)(us - PG_EPOCH_US));
}

// numeric_recv: count of base-10000 digits, weight of the first, sign, decimal places, digits.
static void add_numeric(struct pg_array *a, u128 magnitude, bool negative) {
    check(a->type == PG_NUMERIC);
    enum { GROUPS_MAX = 10, BASE = 10000, NEGATIVE = 0x4000 }; // 10^40 > 2^128
    uint16_t groups[GROUPS_MAX];
    size_t n = 0;
    for (; magnitude != 0; magnitude /= BASE) {
        groups[n++] = (uint16_t)(magnitude % BASE);
    }
    char bytes[8 + 2 * GROUPS_MAX];
    put_u16(bytes, (uint16_t)n);
    put_u16(bytes + 2, (uint16_t)(n == 0 ? 0 : n - 1));
    put_u16(bytes + 4, negative ? NEGATIVE : 0);
    put_u16(bytes + 6, 0);
    for (size_t i = 0; i < n; i++) {
        put_u16(bytes + 8 + 2 * i, groups[n - 1 - i]);
    }
    add_element(a, bytes, 8 + 2 * n);
}

void pg_array_add_i128(struct pg_array *a, i128 value) {
    add_numeric(a, value < 0 ? -(u128)value : (u128)value, value < 0);
}

void pg_array_add_u128(struct pg_array *a, u128 value) {
    add_numeric(a, value, false);
}

void pg_array_add_null(struct pg_array *a) {
    char length[4];
    put_u32(length, UINT32_MAX); // length -1
    buf_add(&a->bytes, length, sizeof length);
    a->count++;
    a->has_null = true;
}

struct pg_param pg_array(struct pg_array *a) {
    if (a->bytes.overflow) {
        // pg_run refuses a binary value without bytes.
        return (struct pg_param){.value = NULL, .length = -1, .format = 1};
    }
    char *header = a->bytes.ptr;
    put_u32(header, a->count == 0 ? 0 : 1); // dimensions
    put_u32(header + 4, a->has_null ? 1 : 0);
    put_u32(header + 8, element_oid(a->type));
    put_u32(header + 12, a->count);
    put_u32(header + 16, 1); // lower bound
    size_t len = a->count == 0 ? 12 : a->bytes.len;
    return (struct pg_param){.value = header, .length = (int)len, .format = 1};
}
