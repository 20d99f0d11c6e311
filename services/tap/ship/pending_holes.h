// Holes that the log's lines and the broker's counters show. Reading the lines again wouldn't find them
// again, so they are kept until they are acknowledged, and sent again after a failed delivery. One
// thread.
#ifndef WEIR_TAP_SHIP_PENDING_HOLES_H
#define WEIR_TAP_SHIP_PENDING_HOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "tap/ship/ship.h"

enum { PENDING_HOLES_MAX = 4096 }; // kept; what comes above is sent once

struct pending_holes {
    struct pending_hole *items; // owned
    size_t count;
};

void pending_holes_done(struct pending_holes *p);
// Sends a hole's value (copied) to the partition of `key`. False as ship_notice_to.
bool pending_holes_send(struct pending_holes *p, struct ship *s, struct ship_origin origin,
                        struct slice key, struct slice value);
// Before ship_reset: which of them have arrived.
void pending_holes_settle(struct pending_holes *p, const struct ship *s);
// After it: sends the others again.
bool pending_holes_again(struct pending_holes *p, struct ship *s, struct ship_origin origin);

#endif
