// What of the request log is shipped. Takes the lines in order, gives records: lines of the APIs
// that can be billed or audited, topic facts, refusals, dead letters, and holes where lines of a fetch
// session are missing (session_memory). Never secrets, forwarded
// duplicates, the cluster's own traffic, or what Weir's own principals do. Pure: no I/O, no clock.
//
// Every record has a position of its own: the line's first byte, and where one line gives several,
// the bytes after it.
#ifndef WEIR_TAP_SELECT_SELECT_H
#define WEIR_TAP_SELECT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/broker_record.h"
#include "core/brokerlog/line_remains.h"
#include "core/brokerlog/log_value.h"

enum { SELECT_FACT_TOPICS_MAX = 500 }; // topics of one fact record

// Why a line was not shipped.
enum select_drop {
    SELECT_KEPT,          // it was, as a line
    SELECT_DEAD,          // it was, as a dead letter
    SELECT_NOT_A_REQUEST, // other text of the same logger
    SELECT_FORWARDED,     // the client's own line says the same
    SELECT_LISTENER,      // of the cluster itself
    SELECT_OWN_PRINCIPAL, // of Weir itself
    SELECT_FOLLOWER,      // replication
    SELECT_API,           // can't be billed or audited, or may hold secrets
    SELECT_EMPTY_FETCH,   // says nothing
    SELECT_REFUSAL,       // refused: shipped as a refusal, or counted in its row
    SELECT_DROPS,
};
const char *select_drop_name(enum select_drop drop);

// Names; a final '*' stands for any ending. NULL-terminated lists, borrowed; NULL is an empty list.
struct select_options {
    const char *const *drop_listeners;
    const char *const *own_principals;
    const char *const *keep_principals; // kept though own: the canary
    // Is shown all lines of FETCH and SHARE_FETCH, shipped or not, and those that tell facts, before
    // what they give is emitted; with the context of emit. NULL in place of the line: it can't be read
    // and holds `record_bytes` at least. NULL: nobody looks.
    void (*watch)(void *ctx, uint64_t offset, const struct broker_line *line,
                  uint64_t record_bytes);
};

struct select_record {
    enum broker_record_kind kind; // line, fact, dead, refusal; hole
    uint64_t offset;
    bool everywhere;       // to every partition; else to that of `key`
    struct slice key;      // principal, or empty
    struct slice value;    // borrowed until emit returns
    enum line_fault fault; // of a dead letter
    // Of a hole, which has no value: all but the broker. Borrowed like the value.
    const struct log_hole *hole;
};

// False: nothing more is wanted of this line (the shipment failed); the rest is skipped.
typedef bool (*select_emit)(void *ctx, const struct select_record *record);

struct select;

struct select *select_new(const struct select_options *o, select_emit emit, void *ctx);
void select_free(struct select *s);
// Forgets what it left out on the ground of earlier lines: reading goes back.
void select_clear(struct select *s);
// That, and the fetch sessions too: there is a hole in front of the next line.
void select_hole(struct select *s);
// The generation of the lines to come.
void select_generation(struct select *s, int64_t generation);
// One line at `offset`. *ret_time_us is its time, unchanged if it has none.
enum select_drop select_line(struct select *s, struct slice text, uint64_t offset,
                             int64_t *ret_time_us);
// What stands behind the last newline of a file that nothing is added to: a line whose newline alone
// is missing, other text, or the front part of a line, which is dead.
enum select_drop select_last(struct select *s, struct slice text, uint64_t offset,
                             int64_t *ret_time_us);
// What can't be a line, e.g. the first bytes of one too long. `remains` of all its bytes; NULL: the text
// is all there is.
void select_dead(struct select *s, enum line_fault fault, struct slice text, uint64_t bytes,
                 uint64_t offset, const struct line_remains *remains);

#endif
