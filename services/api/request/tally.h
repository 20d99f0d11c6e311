// Audit rows of what can happen often: wrong passwords, refused tokens, denials, the operator's
// reads. The first of its kind in a minute is written at the next second; the same again within the
// minute is counted, and written as one more row with its count when the minute is over.
//
// So nobody fills the disk: of each kind at most TALLY_*_MAX different rows are open at a time and
// loop; what is beyond is counted together as one. A crash loses what was counted and not written
// yet: a second of new rows, a minute of repeats.
//
// No locks: one tally per loop.
#ifndef WEIR_API_REQUEST_TALLY_H
#define WEIR_API_REQUEST_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct pg_pool;
struct tally;

enum tally_kind { TALLY_SIGN_IN, TALLY_TOKEN, TALLY_DENIAL, TALLY_READ, TALLY_KINDS };

enum {
    TALLY_REFUSED_MAX = 64, // of TALLY_SIGN_IN and TALLY_TOKEN: anybody can cause them
    TALLY_DENIED_MAX = 256,
    TALLY_READ_MAX = 4096,
    TALLY_TEXT_MAX = 254, // bytes kept of a text
};

// What happened. Texts may be hostile: what isn't printable ASCII is kept as '?'. NULL for none.
struct tally_row {
    enum tally_kind kind;
    const char *org;        // whose audit log, a uuid
    const char *actor_kind; // as in audit_log
    const char *actor;
    const char *actor_org; // a uuid
    const char *object_kind;
    const char *object;
    const char *address;
    const char *operation;
    const char *query;
};

struct tally *tally_new(void);
void tally_free(struct tally *t);
void tally_add(struct tally *t, const struct tally_row *row, int64_t now_us);

// What is due: a JSON array for the statement audit_tally; nothing if none is. Until tally_written
// says what became of it, the same isn't due again.
void tally_due(struct tally *t, int64_t now_us, struct buf *out);
// After tally_due: written (or given up), or not, then it is due again.
void tally_written(struct tally *t, bool gone);

// Once a second: writes what is due, by a connection of the pool.
void tally_tick(struct tally *t, struct pg_pool *pool);

#endif
