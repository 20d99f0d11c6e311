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
    i128 derived_messages; // of messages: nothing closed their fetches within an hour
    u128 replay_bytes;     // of bytes: read before
};

// A dead letter that may be a fetch: money that isn't counted.
struct recount_risk {
    struct slice principal; // empty: not readable
    bool has_time;
    int64_t time_us;
    uint64_t line_bytes;
    uint64_t bytes; // of records, at least
};

struct recount_totals {
    uint64_t lines; // complete ones of the request logger
    uint64_t line_bytes;
    uint64_t dead_letters;
    uint64_t dead_by_fault[LINE_FAULT_COUNT];
    uint64_t at_risk; // of the dead letters
    u128 bytes_at_risk;
    uint64_t other_text; // lines of other loggers, stack traces, blank ones: passed over
    uint64_t nuls;       // bytes, left by a truncation: passed over
    uint64_t unfinished; // files that end in the middle of a line
    uint64_t copies;     // files whose content another file has: not counted twice
    uint64_t damaged;    // files that could not be read to their end
};

struct recount *recount_new(void);
void recount_free(struct recount *rc);
// Where each of the first RECOUNT_DEAD_LETTERS_SHOWN dead letters is named, and each file that is
// damaged, unfinished or a copy; NULL: nowhere.
void recount_report_to(struct recount *rc, FILE *out);
// Reads files ("-" is standard input), each of one broker, in the order of their lines' times
// whatever the order of the names, and within a file as they stand. What a file holds that breaks off
// is counted, totals.damaged tells. On an error, a file that can't be opened, nothing is counted.
ERR_MUST_CHECK enum err_code recount_files(struct recount *rc, char *const *paths, size_t count,
                                           struct err *e);
// Resolves names and sorts by principal, topic. The rows live as long as `rc`.
void recount_finish(struct recount *rc, const struct recount_row **ret_rows, size_t *ret_count);
struct recount_totals recount_totals(const struct recount *rc);
// The first RECOUNT_DEAD_LETTERS_SHOWN of totals.at_risk. They live as long as `rc`.
void recount_risks(const struct recount *rc, const struct recount_risk **ret_risks,
                   size_t *ret_count);

enum recount_format { RECOUNT_TABLE, RECOUNT_CSV, RECOUNT_JSON };
// JSON holds totals and risks too; for the others see recount_print_totals.
void recount_print(FILE *out, enum recount_format format, struct recount *rc);
// What was passed over, as sentences; nothing if all was counted.
void recount_print_totals(FILE *out, const struct recount_totals *totals);

#endif
