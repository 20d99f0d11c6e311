#include "core/usage/usage_delta.h"

#include <string.h>

#include "base/instant.h"
#include "core/usage/usage_model.h"

struct topic_key usage_delta_topic(const struct usage_state *st, uint32_t topic) {
    const struct usage_topic *t = &st->topics[topic];
    struct topic_key key = {.has_id = t->name == NULL};
    if (t->name == NULL) {
        memcpy(key.id, t->id, TOPIC_ID_LEN);
    } else {
        key.name = slice_of(t->name, t->name_len);
    }
    return key;
}

void usage_delta_flush(struct usage_state *st) {
    for (uint32_t i = 0; i < st->delta_count; i++) {
        struct usage_delta *d = &st->deltas[i];
        d->topic = usage_delta_topic(st, st->delta_topics[i]);
        if (d->messages != 0 || d->bytes != 0 || d->fetches != 0 || d->open_fetches != 0 ||
            d->derived_messages != 0 || d->derived_fetches != 0 || d->produced_bytes != 0 ||
            d->produced_messages != 0 || d->share_messages != 0 || d->share_fetches != 0 ||
            d->share_unknown != 0 || d->lines != 0) {
            st->sink->add(st->sink->ctx, d);
        }
    }
    st->delta_count = 0;
}

static struct usage_delta *delta_of(struct usage_state *st, uint32_t topic, unsigned delivery,
                                    uint32_t producer, int64_t time_us) {
    for (uint32_t i = st->delta_count; i-- > 0;) {
        if (st->delta_topics[i] == topic && st->deltas[i].delivery == delivery &&
            st->deltas[i].producer == producer && st->deltas[i].at_us == time_us) {
            return &st->deltas[i];
        }
    }
    if (st->delta_count == USAGE_PENDING_DELTAS) {
        usage_delta_flush(st);
    }
    st->delta_topics[st->delta_count] = topic;
    struct usage_delta *d = &st->deltas[st->delta_count++];
    *d = (struct usage_delta){.delivery = (enum usage_delivery)delivery,
                              .quarter_us = instant_quarter(time_us),
                              .at_us = time_us,
                              .producer = producer};
    return d;
}

struct usage_delta *usage_delta_of(struct usage_state *st, uint32_t topic, unsigned delivery,
                                   int64_t time_us) {
    return delta_of(st, topic, delivery, 0, time_us);
}

struct usage_delta *usage_delta_of_producer(struct usage_state *st, uint32_t topic,
                                            uint32_t producer, int64_t time_us) {
    return delta_of(st, topic, USAGE_FRESH, producer, time_us);
}

void usage_delta_close(struct usage_state *st, uint32_t topic, unsigned delivery, int64_t time_us,
                       const struct usage_closing *c) {
    struct usage_delta *d = usage_delta_of(st, topic, delivery, time_us);
    int64_t messages, derived;
    if (__builtin_add_overflow(d->messages, c->messages, &messages) ||
        __builtin_add_overflow(d->derived_messages, c->derived_messages, &derived)) {
        usage_delta_flush(st);
        d = usage_delta_of(st, topic, delivery, time_us);
        messages = c->messages;
        derived = c->derived_messages;
    }
    d->messages = messages;
    d->derived_messages = derived;
    d->open_fetches += c->open_fetches;
    d->derived_fetches += c->derived_fetches;
}
