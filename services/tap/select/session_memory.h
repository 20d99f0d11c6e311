// Lines of fetch sessions that the logger never wrote. Of a session (KIP-227) every request that is
// served carries the epoch after that of the one before, and the broker refuses any other: an epoch
// that skips is a line that is missing, whatever the client does. (Without a trace in positions: a
// full disk, an appender out of memory, the logger switched off.) Bounded: a session that was
// forgotten, or never seen, says nothing at its next line. Pure.
//
// Nothing is said where the lines could be otherwise: of a session's first line on another
// connection (it moved, or another session has its id), after a refusal, and of a line seen before
// (reading went back). Lines of one connection are written in their order, for the broker reads the
// next request only behind the line of the one before. A client that uses one session on two
// connections at once can make up a skip of its own; not one of another's, whose connection it has
// not.
#ifndef WEIR_TAP_SELECT_SESSION_MEMORY_H
#define WEIR_TAP_SELECT_SESSION_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/line_remains.h"

enum { SESSION_MEMORY_SLOTS = 1 << 14 }; // sessions remembered, 48 bytes each; a broker has 1,000

struct session_memory;

// Where a line stands: its first byte and the one behind its newline.
struct session_place {
    int64_t generation;
    uint64_t offset;
    uint64_t end;
};

struct session_skip {
    uint64_t lines; // missing, at least
    int64_t from_generation;
    uint64_t from_offset; // behind the session's line before
    int64_t from_us;      // time of that line
};

struct session_memory *session_memory_new(void);
void session_memory_free(struct session_memory *m);
// Forgets everything: what is missing in front of the next line is told otherwise.
void session_memory_clear(struct session_memory *m);
// Takes the next FETCH line of a client. True if lines of its session are missing before it.
bool session_memory_skips(struct session_memory *m, const struct broker_line *l,
                          struct session_place at, struct session_skip *ret);
// A line that can't be read and is told with its principal: if it is the session's, it isn't missing.
void session_memory_dead(struct session_memory *m, const struct line_remains *r);

#endif
