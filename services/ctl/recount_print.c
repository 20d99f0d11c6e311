// What recount found, as a table, as CSV or as JSON.
#include <inttypes.h>

#include "base/buf.h"
#include "core/export/csv.h"
#include "ctl/recount.h"

enum { COLUMNS = 8, NUMBERS_FROM = 2 };

static const char *const HEADER[COLUMNS] = {"principal",      "topic",       "bytes",
                                            "derived_bytes",  "messages",    "fetches",
                                            "produced_bytes", "open_fetches"};

// The number of a column; false where it is not known.
static bool number_of(const struct recount_row *r, int column, char out[I128_TEXT_MAX]) {
    switch (column) {
    case 2:
        if (r->share) {
            return false;
        }
        number_format_u128(out, r->bytes);
        return true;
    case 3:
        // Bytes of share groups and messages of open fetches are not derived yet.
        return false;
    case 4: number_format_i128(out, r->messages); return true;
    case 5: number_format_u128(out, r->fetches); return true;
    case 6: number_format_u128(out, r->produced_bytes); return true;
    default: number_format_i128(out, r->open_fetches); return true;
    }
}

static struct slice text_of(const struct recount_row *r, int column) {
    return column == 0 ? r->principal : r->topic;
}

static void print_csv_text(FILE *out, struct slice s) {
    struct buf b;
    buf_init(&b, 3 * s.len + 16);
    csv_add_cell(&b, s);
    fprintf(out, "%.*s", SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
}

static void print_csv(FILE *out, const struct recount_row *rows, size_t count) {
    for (int c = 0; c < COLUMNS; c++) {
        fprintf(out, "%s%s", HEADER[c], c + 1 < COLUMNS ? "," : "\n");
    }
    for (size_t i = 0; i < count; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            char text[I128_TEXT_MAX];
            if (c < NUMBERS_FROM) {
                print_csv_text(out, text_of(&rows[i], c));
            } else if (number_of(&rows[i], c, text)) {
                fputs(text, out);
            }
            fputc(c + 1 < COLUMNS ? ',' : '\n', out);
        }
    }
}

static void print_json_text(FILE *out, struct slice s) {
    struct buf b;
    buf_init(&b, 8 * s.len + 16);
    buf_add_json_string(&b, s);
    fputs(b.ptr == NULL ? "\"\"" : b.ptr, out);
    buf_done(&b);
}

static void print_json(FILE *out, const struct recount_row *rows, size_t count,
                       const struct recount_totals *totals) {
    fputs("{\"rows\":[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "\n  {" : ",\n  {", out);
        for (int c = 0; c < COLUMNS; c++) {
            char text[I128_TEXT_MAX];
            fprintf(out, "%s\"%s\":", c == 0 ? "" : ",", HEADER[c]);
            if (c < NUMBERS_FROM) {
                print_json_text(out, text_of(&rows[i], c));
            } else {
                fputs(number_of(&rows[i], c, text) ? text : "null", out);
            }
        }
        fputc('}', out);
    }
    fprintf(out, "\n ],\n \"lines\":%" PRIu64 ",\"dead_letters\":%" PRIu64 ",\"dead_by_reason\":{",
            totals->lines, totals->dead_letters);
    const char *comma = "";
    for (int f = 1; f < LINE_FAULT_COUNT; f++) {
        if (totals->dead_by_fault[f] == 0) {
            continue;
        }
        fprintf(out, "%s\"%s\":%" PRIu64, comma, line_fault_name((enum line_fault)f),
                totals->dead_by_fault[f]);
        comma = ",";
    }
    fputs("}}\n", out);
}

// Bytes that a terminal might obey are shown as '?'.
static void print_plain(FILE *out, struct slice s, int width) {
    int columns = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
        columns += (c & 0xc0) != 0x80;
    }
    fprintf(out, "%*s", width > columns ? width - columns : 0, "");
}

static void print_table(FILE *out, const struct recount_row *rows, size_t count) {
    int width[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) {
        width[c] = (int)strlen(HEADER[c]);
        for (size_t i = 0; i < count; i++) {
            char text[I128_TEXT_MAX];
            int w = 1;
            if (c < NUMBERS_FROM) {
                w = text_of(&rows[i], c).len > 60 ? 60 : (int)text_of(&rows[i], c).len;
            } else if (number_of(&rows[i], c, text)) {
                w = (int)strlen(text);
            }
            width[c] = w > width[c] ? w : width[c];
        }
    }
    for (int c = 0; c < COLUMNS; c++) {
        fprintf(out, c < NUMBERS_FROM ? "%-*s%s" : "%*s%s", width[c], HEADER[c],
                c + 1 < COLUMNS ? "  " : "\n");
    }
    for (size_t i = 0; i < count; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            char text[I128_TEXT_MAX];
            if (c < NUMBERS_FROM) {
                print_plain(out, text_of(&rows[i], c), width[c]);
            } else {
                fprintf(out, "%*s", width[c], number_of(&rows[i], c, text) ? text : "-");
            }
            fputs(c + 1 < COLUMNS ? "  " : "\n", out);
        }
    }
}

void recount_print(FILE *out, enum recount_format format, const struct recount_row *rows,
                   size_t count, const struct recount_totals *totals) {
    if (format == RECOUNT_CSV) {
        print_csv(out, rows, count);
    } else if (format == RECOUNT_JSON) {
        print_json(out, rows, count, totals);
    } else {
        print_table(out, rows, count);
    }
}
