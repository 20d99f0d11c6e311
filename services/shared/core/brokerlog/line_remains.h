// What can still be read of a request line that can't be read: who asked for what, when, and how many
// bytes it was answered with. For showing what money a dead letter may be, never for counting.
#ifndef WEIR_CORE_BROKERLOG_LINE_REMAINS_H
#define WEIR_CORE_BROKERLOG_LINE_REMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { LINE_REMAINS_PRINCIPAL_MAX = 1024 }; // bytes as written in the line; longer: not found

struct line_remains {
    bool has_time;
    int64_t time_us;
    int32_t api_key;                            // -1: not found
    int32_t session_id;                         // of a fetch session; 0: none, or not found
    int32_t session_epoch;                      // above 0, unless session_id is 0
    uint64_t record_bytes;                      // sum of the recordsSizeInBytes found: at least
    size_t principal_len;                       // 0: not found
    char principal[LINE_REMAINS_PRINCIPAL_MAX]; // UTF-8
};

// `text` is the line or its beginning. What a client writes can't be taken for a field: quotes inside
// strings are escaped.
void line_remains_read(struct slice text, struct line_remains *ret);
// `more` of the same line, of one too long to be held at once: a run that begins and ends between two
// members. (The principal stands at a line's end.)
void line_remains_add(struct line_remains *r, struct slice more);
// Where such a run can end: the last place between two members, or 0 where there is none.
size_t line_remains_cut(struct slice text);
struct slice line_remains_principal(const struct line_remains *r);
// It may be a FETCH or SHARE_FETCH that was answered with records: money that isn't counted.
bool line_remains_at_risk(const struct line_remains *r);

#endif
