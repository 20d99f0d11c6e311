// Asks for the page of the broker's counters by HTTP, without waiting: a poll is begun, and gone on with
// as often as the caller comes by. One thread.
#ifndef WEIR_TAP_COUNTERS_COUNTER_SOURCE_H
#define WEIR_TAP_COUNTERS_COUNTER_SOURCE_H

#include <stdbool.h>

#include "base/err.h"
#include "tap/counters/counter_page.h"

enum { COUNTER_SOURCE_TIMEOUT_MS = 10000 }; // from the question to the page's end

struct counter_source;

// All three borrowed. `url` is http:// or https://; no proxy is used, no redirect followed.
struct counter_source *counter_source_new(const char *url, const char *metric, const char *label);
void counter_source_free(struct counter_source *s);
// Asks. The samples come during counter_source_go_on.
void counter_source_ask(struct counter_source *s, counter_page_take take, void *ctx);
// *ret_done: the page is read, or the error says why not (ERR_UNAVAILABLE, ERR_INVALID).
ERR_MUST_CHECK enum err_code counter_source_go_on(struct counter_source *s, bool *ret_done,
                                                  struct err *e);
// Samples of the page that was read last.
uint64_t counter_source_samples(const struct counter_source *s);

#endif
