// Dead letters of an open batch: lines that can't be read, kept with position, reason and their
// first bytes. Beyond a limit an hour, per broker and reason, they are counted with their range
// instead. Pure: how many the hour holds already is told by the caller.
#ifndef WEIR_METER_FOLD_DEAD_LETTERS_H
#define WEIR_METER_FOLD_DEAD_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "core/brokerlog/log_value.h"

enum {
    DEAD_PER_HOUR_MAX = 1000,   // letters of one broker and reason
    DEAD_REASON_MAX = 32,       // bytes of a reason
    DEAD_DETAIL_MAX = 256,      // bytes
    DEAD_PRINCIPAL_MAX = 2048,  // bytes
    DEAD_API_MAX = 64,          // bytes
    DEAD_FLOODS_MAX = 4096,     // pairs of broker and reason in a batch
    DEAD_LETTERS_MAX = 1 << 12, // kept in a batch; the caller commits before that
};

// Reason of what the database refused for its content.
#define DEAD_REASON_REFUSED "refused"

struct dead_letter {
    int32_t partition;
    struct log_position at;
    struct slice reason;
    struct slice detail;    // empty: none
    struct slice principal; // whose line, without "User:"; empty: can't be read
    struct slice api;       // its request's name; empty: can't be read
    struct slice head;      // at most LOG_DEAD_TEXT_MAX bytes
    uint64_t line_bytes;
    int64_t line_at_us; // INT64_MIN: unknown
    bool counted_only;  // by dead_letters_limit: beyond the hour's limit
};

// Of one broker and reason.
struct dead_flood {
    int32_t broker;
    struct slice reason;
    uint64_t letters; // of this hour, in the database and by dead_letters_limit
    uint64_t counted; // by dead_letters_limit: letters of the batch beyond the limit
    struct log_position first;
    struct log_position last;
};

struct dead_letters {
    struct dead_letter *items;
    size_t count;
    size_t cap;
    struct dead_flood *floods;
    size_t flood_count;
    struct arena arena;
};

void dead_letters_init(struct dead_letters *d);
void dead_letters_done(struct dead_letters *d);
void dead_letters_clear(struct dead_letters *d);
// Copies the letter, its texts so that the database takes them.
void dead_letters_add(struct dead_letters *d, const struct dead_letter *letter);
// No room for another record's letters: commit first.
bool dead_letters_full(const struct dead_letters *d);
// Begins a new judgement: `stored` letters of this broker and reason are in the database for this
// hour (call once for each that has any), then dead_letters_limit marks what goes beyond.
void dead_letters_limit_begin(struct dead_letters *d);
void dead_letters_stored(struct dead_letters *d, int32_t broker, struct slice reason,
                         uint64_t stored);
void dead_letters_limit(struct dead_letters *d);

#endif
