// Files begun; see the header.
#include "tap/follow/follow_past.h"

#include <string.h>

static void forget_first(struct follow_past *p) {
    if (p->items[0].ident.first_ms > p->forgotten_ms) {
        p->forgotten_ms = p->items[0].ident.first_ms;
    }
    p->count--;
    memmove(p->items, p->items + 1, p->count * sizeof p->items[0]);
}

static bool is_listed(const struct follow_past *p, struct log_file_ident ident) {
    for (size_t i = p->count; i > 0; i--) {
        if (log_file_ident_eq(p->items[i - 1].ident, ident)) {
            return true;
        }
    }
    return false;
}

void follow_past_add(struct follow_past *p, struct log_file_ident ident, int64_t generation) {
    if (is_listed(p, ident)) {
        return;
    }
    if (p->count == FOLLOW_KNOWN_MAX) {
        forget_first(p);
    }
    p->items[p->count].generation = generation;
    p->items[p->count++].ident = ident;
}

bool follow_past_has(const struct follow_past *p, struct log_file_ident ident, bool live) {
    return is_listed(p, ident) || (!live && ident.first_ms <= p->forgotten_ms);
}

void follow_past_until(const struct follow_past *p, int64_t generation, struct follow_past *ret) {
    ret->forgotten_ms = p->forgotten_ms;
    ret->count = 0;
    while (ret->count < p->count && p->items[ret->count].generation <= generation) {
        ret->items[ret->count] = p->items[ret->count];
        ret->count++;
    }
}
