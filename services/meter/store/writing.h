// A batch on its way into the database: parts that are written a range of items at a time, so that
// what PostgreSQL refuses for its content can be found by halving and taken out; the rest goes on.
//
// Only content is treated so. While the database is away, and for any other error, the batch waits.
#ifndef WEIR_METER_STORE_WRITING_H
#define WEIR_METER_STORE_WRITING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "meter/store/store.h"

// More than this in one batch is no stranger's doing but a fault of the database: the batch waits.
enum { REFUSED_MAX = 4096 };

// What the database refused: a dead letter in the same transaction. Its head is what was to be
// written, as JSON; of a letter its own.
struct refused {
    const char *part; // of which part it was an item
    struct dead_letter letter;
};

struct writing {
    struct store *store;
    struct fold *fold;
    struct store_outcome *outcome;
    bool halving; // after a refusal: savepoints, and what is refused is taken out
    struct refused *refused;
    size_t refused_count;
    struct arena arena; // texts in `refused`
};

struct writing_part {
    const char *name;
    // Writes items [from, to). Repeated with smaller ranges after a refusal: it may add to the
    // outcome only when nothing of it can fail any more.
    enum err_code (*write)(struct writing *w, size_t from, size_t to, struct err *e);
    // Takes item `at` out: says what is known of it. Reason and detail are the caller's.
    void (*take_out)(struct writing *w, size_t at, struct dead_letter *ret);
};

void writing_init(struct writing *w, struct store *s, struct fold *f, struct store_outcome *outcome,
                  bool halving);
void writing_done(struct writing *w);
// The content was refused: the same again would be refused again.
bool writing_refused(const struct err *e);
// Writes `count` items of a part. Without `halving` a refusal is an error as any other.
ERR_MUST_CHECK enum err_code writing_run(struct writing *w, const struct writing_part *part,
                                         size_t count, struct err *e);

// The parts. Each is one table or two that belong together.
ERR_MUST_CHECK enum err_code writing_topics(struct writing *w, struct err *e);
ERR_MUST_CHECK enum err_code writing_written_topics(struct writing *w, struct err *e);
ERR_MUST_CHECK enum err_code writing_batches(struct writing *w, struct err *e);
ERR_MUST_CHECK enum err_code writing_usage(struct writing *w, struct err *e);
ERR_MUST_CHECK enum err_code writing_states(struct writing *w, struct err *e);
ERR_MUST_CHECK enum err_code writing_holes(struct writing *w, struct err *e);
// Last of all parts: what they refused goes with it.
ERR_MUST_CHECK enum err_code writing_letters(struct writing *w, struct err *e);

#endif
