// What recount found, as a table, as CSV or as JSON.
#include <inttypes.h>

#include "base/buf.h"
#include "base/instant.h"
#include "core/export/csv.h"
#include "ctl/recount.h"

enum { COLUMNS = 11, NUMBERS_FROM = 2 };

static const char *const HEADER[COLUMNS] = {"principal",      "topic",
                                            "bytes",          "derived_bytes",
                                            "messages",       "fetches",
                                            "produced_bytes", "produced_messages",
                                            "open_fetches",   "derived_messages",
                                            "replay_bytes"};

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
        // Bytes of share groups are not derived yet.
        return false;
    case 4: number_format_i128(out, r->messages); return true;
    case 5: number_format_u128(out, r->fetches); return true;
    case 6: number_format_u128(out, r->produced_bytes); return true;
    case 7: number_format_i128(out, r->produced_messages); return true;
    case 8: number_format_i128(out, r->open_fetches); return true;
    case 9: number_format_i128(out, r->derived_messages); return true;
    default: number_format_u128(out, r->replay_bytes); return true;
    }
}

static struct slice text_of(const struct recount_row *r, int column) {
    return column == 0 ? r->principal : r->topic;
}

static void print_csv_text(FILE *out, struct slice s) {
    struct buf b;
    buf_init(&b, 3 * s.len + 16);
    csv_add_cell(&b, s);
    if (b.len > 0) {
        (void)fwrite(b.ptr, 1, b.len, out); // a principal may have NULs
    }
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

static void print_json_rows(FILE *out, const struct recount_row *rows, size_t count) {
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
    fputs("\n ],\n ", out);
}

static void print_json_risks(FILE *out, const struct recount_risk *risks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char at[INSTANT_TEXT_MAX];
        fputs(i == 0 ? "\n  {\"principal\":" : ",\n  {\"principal\":", out);
        if (risks[i].principal.len == 0) {
            fputs("null", out);
        } else {
            print_json_text(out, risks[i].principal);
        }
        fputs(",\"at\":", out);
        if (risks[i].has_time) {
            instant_format(at, risks[i].time_us);
            fprintf(out, "\"%s\"", at);
        } else {
            fputs("null", out);
        }
        fprintf(out, ",\"line_bytes\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", risks[i].line_bytes,
                risks[i].bytes);
    }
}

static void print_json(FILE *out, struct recount *rc, const struct recount_row *rows,
                       size_t count) {
    struct recount_totals totals = recount_totals(rc);
    const struct recount_risk *risks;
    size_t risk_count;
    char at_risk[U128_TEXT_MAX];
    recount_risks(rc, &risks, &risk_count);
    number_format_u128(at_risk, totals.bytes_at_risk);
    print_json_rows(out, rows, count);
    fprintf(out,
            "\"lines\":%" PRIu64 ",\"other_text\":%" PRIu64 ",\"nul_bytes\":%" PRIu64
            ",\"unfinished_files\":%" PRIu64 ",\"copied_files\":%" PRIu64
            ",\"damaged_files\":%" PRIu64 ",\n \"dead_letters\":%" PRIu64 ",\"dead_by_reason\":{",
            totals.lines, totals.other_text, totals.nuls, totals.unfinished, totals.copies,
            totals.damaged, totals.dead_letters);
    const char *comma = "";
    for (int f = 1; f < LINE_FAULT_COUNT; f++) {
        if (totals.dead_by_fault[f] > 0) {
            fprintf(out, "%s\"%s\":%" PRIu64, comma, line_fault_name((enum line_fault)f),
                    totals.dead_by_fault[f]);
            comma = ",";
        }
    }
    fprintf(out, "},\n \"fetches_at_risk\":%" PRIu64 ",\"bytes_at_risk\":%s,\"at_risk\":[",
            totals.at_risk, at_risk);
    print_json_risks(out, risks, risk_count);
    fputs("]}\n", out);
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

void recount_print(FILE *out, enum recount_format format, struct recount *rc) {
    const struct recount_row *rows;
    size_t count;
    recount_finish(rc, &rows, &count);
    if (format == RECOUNT_CSV) {
        print_csv(out, rows, count);
    } else if (format == RECOUNT_JSON) {
        print_json(out, rc, rows, count);
    } else {
        print_table(out, rows, count);
    }
}

void recount_print_totals(FILE *out, const struct recount_totals *totals) {
    char at_risk[U128_TEXT_MAX];
    if (totals->lines == 0) {
        fputs("no request lines found: is kafka.request.logger at DEBUG?\n", out);
    }
    if (totals->other_text > 0) {
        fprintf(out, "%" PRIu64 " lines of other text passed over\n", totals->other_text);
    }
    if (totals->copies > 0) {
        fprintf(out, "%" PRIu64 " files were given twice and counted once\n", totals->copies);
    }
    if (totals->damaged > 0) {
        fprintf(out, "%" PRIu64 " files could not be read to their end\n", totals->damaged);
    }
    if (totals->dead_letters > 0) {
        fprintf(out, "%" PRIu64 " of %" PRIu64 " lines could not be read:", totals->dead_letters,
                totals->lines);
        for (int f = 1; f < LINE_FAULT_COUNT; f++) {
            if (totals->dead_by_fault[f] > 0) {
                fprintf(out, " %s %" PRIu64, line_fault_name((enum line_fault)f),
                        totals->dead_by_fault[f]);
            }
        }
        fputc('\n', out);
    }
    if (totals->at_risk > 0) {
        number_format_u128(at_risk, totals->bytes_at_risk);
        fprintf(out, "money at risk: %" PRIu64 " fetches among them, at least %s bytes\n",
                totals->at_risk, at_risk);
    }
}
