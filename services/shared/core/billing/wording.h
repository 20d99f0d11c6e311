// What a line of an invoice says in words. Pure.
#ifndef WEIR_CORE_BILLING_WORDING_H
#define WEIR_CORE_BILLING_WORDING_H

#include "core/rating/rating.h"

struct wording_input {
    const char *product;
    const char *topics; // "acme.ticks, acme.books", or ""
    const struct rating_line *line;
    int64_t month_from_day, month_to_day;     // local civil days, half-open
    int64_t service_from_day, service_to_day; // the part of the month that was served
    int corrects_line;                        // 0: corrects nothing
    const char *corrects_number;              // of the document corrected, or ""
    bool late;                                // the month was billed before
    const char *open_fetches;                 // counts as text; "0": none
    const char *derived_messages;
    const char *share_messages; // their bytes are unknown
    const char *share_bytes;    // of bytes: derived
};

// One or two sentences in the arena: product, what is counted and in which unit, topics, time; what
// is not in the figure yet is said, never left out in silence.
const char *wording_line(struct arena *a, const struct wording_input *in);
// "November 2026", or "7-30 November 2026" for a part of the month.
const char *wording_period(struct arena *a, int64_t from_day, int64_t to_day);

#endif
