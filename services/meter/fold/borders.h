// Instants at which it may change who pays for a principal's usage: where its grants begin and end,
// and 60 s after an end (who paid then no longer does). A usage row never spans one.
#ifndef WEIR_METER_FOLD_BORDERS_H
#define WEIR_METER_FOLD_BORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BORDERS_MAX = 1 << 20 }; // of one principal; more are a bug elsewhere (check)

static const int64_t BORDERS_GRACE_US = 60LL * 1000000; // as payer_at() in the database

struct borders {
    int64_t *at_us; // ascending, each once, after borders_finish
    size_t count;
    size_t cap;
};

void borders_done(struct borders *b);
void borders_add(struct borders *b, int64_t at_us);
// A grant's end, and the end of the grace.
void borders_add_end(struct borders *b, int64_t at_us);
// Sorts; before that nothing may be asked.
void borders_finish(struct borders *b);
// Takes what `from` holds and leaves it empty.
void borders_take(struct borders *b, struct borders *from);
// The earliest instant that only one of the two holds; INT64_MAX if they are equal.
int64_t borders_first_difference(const struct borders *a, const struct borders *b);

// Where the row begins that holds usage at `at_us`: the start of its quarter hour (its day), or the
// last border in it that is not later.
int64_t borders_quarter_from(const struct borders *b, int64_t at_us);
int64_t borders_day_from(const struct borders *b, int64_t at_us);

#endif
