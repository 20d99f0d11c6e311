// An independent count of raw request logs: the lines of some files through core/usage/usage_fold,
// nothing else. Used by `weirctl recount` and by tests.
#ifndef WEIR_CTL_RECOUNT_H
#define WEIR_CTL_RECOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/number.h"
#include "core/brokerlog/broker_line.h"

enum { RECOUNT_DEAD_LETTERS_SHOWN = 20 };

struct recount;

struct recount_row {
    struct slice principal;
    struct slice topic; // name, or the id where the files don't tell its name
    bool share;         // read by a share group: bytes are not in the log
    u128 bytes;
    i128 messages;
    u128 fetches;
    u128 produced_bytes;
    i128 produced_messages;
    i128 open_fetches;
};

struct recount_totals {
    uint64_t lines; // complete ones
    uint64_t line_bytes;
    uint64_t dead_letters;
    uint64_t dead_by_fault[LINE_FAULT_COUNT];
    uint64_t unfinished; // files that end in the middle of a line
};

struct recount *recount_new(void);
void recount_free(struct recount *rc);
// Where each of the first RECOUNT_DEAD_LETTERS_SHOWN dead letters is named; NULL: nowhere.
void recount_report_to(struct recount *rc, FILE *out);
// Reads files ("-" is standard input), each of one broker, in the order of their lines' times
// whatever the order of the names. On an error what was read before is counted.
ERR_MUST_CHECK enum err_code recount_files(struct recount *rc, char *const *paths, size_t count,
                                           struct err *e);
// Resolves names and sorts by principal, topic. The rows live as long as `rc`.
void recount_finish(struct recount *rc, const struct recount_row **ret_rows, size_t *ret_count);
struct recount_totals recount_totals(const struct recount *rc);

enum recount_format { RECOUNT_TABLE, RECOUNT_CSV, RECOUNT_JSON };
void recount_print(FILE *out, enum recount_format format, const struct recount_row *rows,
                   size_t count, const struct recount_totals *totals);

#endif
