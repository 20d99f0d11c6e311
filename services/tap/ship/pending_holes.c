// Holes not acknowledged; see the header.
#include "tap/ship/pending_holes.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct pending_hole {
    char *text; // owned: key, value
    size_t key_len;
    size_t value_len;
    uint64_t sequence; // of ship: settled when that is; UINT64_MAX: not queued
};

void pending_holes_done(struct pending_holes *p) {
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].text);
    }
    free(p->items);
    *p = (struct pending_holes){0};
}

void pending_holes_settle(struct pending_holes *p, const struct ship *s) {
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].sequence != UINT64_MAX && ship_is_settled(s, p->items[i].sequence)) {
            free(p->items[i].text);
        } else {
            p->items[kept++] = p->items[i];
        }
    }
    p->count = kept;
}

static bool send_one(struct pending_hole *h, struct ship *s, struct ship_origin origin) {
    bool ok = ship_notice_to(s, BROKER_RECORD_HOLE, origin, slice_of(h->text, h->key_len),
                             slice_of(h->text + h->key_len, h->value_len));
    h->sequence = ok ? ship_sequence(s) : UINT64_MAX;
    return ok;
}

bool pending_holes_send(struct pending_holes *p, struct ship *s, struct ship_origin origin,
                        struct slice key, struct slice value) {
    pending_holes_settle(p, s);
    if (p->count == PENDING_HOLES_MAX) {
        return ship_notice_to(s, BROKER_RECORD_HOLE, origin, key, value);
    }
    if (p->items == NULL) {
        p->items = calloc(PENDING_HOLES_MAX, sizeof *p->items);
    }
    char *text = malloc(key.len + value.len + 1);
    check(p->items != NULL && text != NULL);
    memcpy(text, key.len == 0 ? "" : key.ptr, key.len);
    memcpy(text + key.len, value.ptr, value.len);
    struct pending_hole *h = &p->items[p->count++];
    *h = (struct pending_hole){.text = text, .key_len = key.len, .value_len = value.len};
    return send_one(h, s, origin);
}

bool pending_holes_again(struct pending_holes *p, struct ship *s, struct ship_origin origin) {
    bool ok = true;
    for (size_t i = 0; i < p->count; i++) {
        ok = send_one(&p->items[i], s, origin) && ok;
    }
    return ok;
}
