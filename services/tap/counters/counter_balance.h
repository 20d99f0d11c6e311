// What the broker's own counters say beyond the lines of its log: bytes of records that a client was sent
// and no line tells. Pure.
//
// The broker adds a response's bytes to its topic's counter when the response is ready, and writes its line
// when the last byte is sent; the line tells how long that took. So of the lines it is known which were
// counted before a page was asked for, and which may have been counted up to its end: of each page, what
// the counter says beyond the lines lies between two bounds. What is missing at least is the lower one of
// now (of two pages in a row) less the lowest upper one that there ever was. It is found `settle` after
// the page, when the lines of all responses then on the way are there; a response that takes longer than
// that to be sent is taken for missing, and given back when its line comes.
//
// Nothing is said of a topic with share groups (their bytes stand in the counter and in no line) nor of
// what was before the first page: of a counter that begins anew, one that was not on the page before, or a
// hole of the log.
#ifndef WEIR_TAP_COUNTERS_COUNTER_BALANCE_H
#define WEIR_TAP_COUNTERS_COUNTER_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/log_position.h"

enum {
    COUNTER_TOPICS_MAX = 8192, // of a page; more are not watched
    COUNTER_FLOWS_MAX = 8192,  // topics, by id or name, of lines; above, all begins anew
    COUNTER_PAGES_MAX = 32,    // not yet settled
};

// Clocks and rounding: a line may tell a moment this far off.
static const int64_t COUNTER_MARGIN_US = 2 * 1000000;

struct counter_balance;

// Bytes of a topic that no line tells, found between two pages.
struct counter_excess {
    struct slice topic; // borrowed until the callback returns
    uint64_t bytes;     // at least
    struct log_position from, to;
    int64_t from_us, to_us;
};
typedef void (*counter_emit)(void *ctx, const struct counter_excess *excess);

struct counter_balance *counter_balance_new(int64_t settle_us);
void counter_balance_free(struct counter_balance *b);
// Begins anew: the log has a hole.
void counter_balance_clear(struct counter_balance *b);

// A line that was read, at a position: FETCH (followers' are passed over), SHARE_FETCH, and those that
// tell facts of topics. Lines at or below the newest position seen count no more.
void counter_balance_line(struct counter_balance *b, struct log_position at,
                          const struct broker_line *l);
// A line that can't be read, with the bytes found in it.
void counter_balance_dead(struct counter_balance *b, struct log_position at, uint64_t bytes);

// Whether there is room for another page.
bool counter_balance_has_room(const struct counter_balance *b);
// A page is asked for at `now_us`; `at` is where the log is read. One at a time.
void counter_balance_ask(struct counter_balance *b, struct log_position at, int64_t now_us);
// One of its samples; several of a topic add up.
void counter_balance_sample(struct counter_balance *b, struct slice topic, uint64_t value);
// It is complete, at `now_us`. `ok` false: it is as if it had not been asked for.
void counter_balance_answer(struct counter_balance *b, int64_t now_us, bool ok);
// All lines up to `complete_us` were given: what can be said now is.
void counter_balance_settle(struct counter_balance *b, int64_t complete_us, counter_emit emit,
                            void *ctx);

// Bytes of lines whose topic's name isn't known (yet): so much less is found of each topic.
uint64_t counter_balance_unnamed(const struct counter_balance *b);
// Topics of the newest page that are not watched, for there are too many.
uint64_t counter_balance_unwatched(const struct counter_balance *b);
// Bytes told as missing whose lines came after all.
uint64_t counter_balance_given_back(const struct counter_balance *b);

#endif
