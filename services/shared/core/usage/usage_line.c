#include "core/usage/usage_line.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "core/usage/usage_topic.h"

enum { NOT_ASKED = UINT32_MAX - 1 }; // never an index; USAGE_NONE: not in the state

void usage_line_init(struct usage_line *l, struct usage_state *st, int32_t broker,
                     const struct broker_line *line, const struct topic_names *names) {
    l->st = st;
    l->line = line;
    l->names = names;
    l->broker = broker;
    l->topics = l->some;
    l->before = USAGE_NONE;
    l->next = 0;
    l->same_asked = l->same_answered = USAGE_NONE;
    l->answers_known = false;
    if (line->topic_count > USAGE_LINE_TOPICS) {
        l->topics = malloc(line->topic_count * sizeof *l->topics);
        check(l->topics != NULL);
    }
    for (uint32_t i = 0; i < line->topic_count; i++) {
        l->topics[i] = NOT_ASKED;
    }
}

void usage_line_done(struct usage_line *l) {
    if (l->topics != l->some) {
        free(l->topics);
    }
    if (l->answers_known) {
        hash_table_clear(&l->st->answers);
    }
}

// Where the guess for the next topic of the line stands: what was named after the one before.
static uint32_t *guess_at(struct usage_line *l) {
    return l->before == USAGE_NONE ? &l->st->first_topic : &l->st->topics[l->before].after;
}

static uint32_t found(struct usage_line *l, uint32_t i, uint32_t topic) {
    int64_t time_us = l->line->time_us;
    if (topic != USAGE_NONE) {
        if (time_us < l->st->topics[topic].first_us) {
            l->st->topics[topic].first_us = time_us;
        }
        l->before = topic;
    }
    l->topics[i] = topic;
    return topic;
}

uint32_t usage_line_find_topic(struct usage_line *l, uint32_t i) {
    if (l->topics[i] != NOT_ASKED) {
        return l->topics[i];
    }
    const struct topic_key *key = &l->line->topics[i];
    uint32_t guess = *guess_at(l);
    // A name has to ask for its id each time.
    if (key->has_id && usage_topic_is(l->st, guess, key)) {
        return found(l, i, guess);
    }
    uint32_t topic = usage_topic_find(l->st, key, l->line->time_us, l->names);
    if (topic != USAGE_NONE) {
        *guess_at(l) = topic;
    }
    return found(l, i, topic);
}

uint32_t usage_line_get_topic(struct usage_line *l, uint32_t i) {
    uint32_t topic = usage_line_find_topic(l, i);
    if (topic != USAGE_NONE) {
        return topic;
    }
    topic = usage_topic_get(l->st, &l->line->topics[i], l->line->time_us, l->names);
    *guess_at(l) = topic;
    return found(l, i, topic);
}

static uint64_t part_key(const struct usage_line *l, const struct broker_line_part *p) {
    const struct topic_key *t = &l->line->topics[p->topic];
    uint64_t seed = (uint32_t)p->partition;
    return t->has_id ? hash_bytes(t->id, TOPIC_ID_LEN, seed)
                     : hash_bytes(t->name.ptr, t->name.len, ~seed);
}

static bool same_part(struct usage_line *l, const struct broker_line_part *asked,
                      const struct broker_line_part *answer) {
    if (asked->partition != answer->partition) {
        return false;
    }
    if (asked->topic == l->same_asked && answer->topic == l->same_answered) {
        return true;
    }
    if (!topic_key_eq(&l->line->topics[asked->topic], &l->line->topics[answer->topic])) {
        return false;
    }
    l->same_asked = asked->topic;
    l->same_answered = answer->topic;
    return true;
}

static void know_answers(struct usage_line *l) {
    const struct broker_line_parts *answered = &l->line->answered;
    for (uint32_t i = 0; i < answered->count; i++) {
        uint64_t key = part_key(l, &answered->items[i]);
        uint32_t at;
        while (hash_table_get(&l->st->answers, key, &at) &&
               !same_part(l, &answered->items[i], &answered->items[at])) {
            key++;
        }
        hash_table_put(&l->st->answers, key, i);
    }
    l->answers_known = true;
}

const struct broker_line_part *usage_line_answer(struct usage_line *l,
                                                 const struct broker_line_part *asked) {
    const struct broker_line_parts *answered = &l->line->answered;
    if (answered->count == 0) {
        return NULL;
    }
    if (l->next < answered->count && same_part(l, asked, &answered->items[l->next])) {
        return &answered->items[l->next++];
    }
    if (!l->answers_known) {
        know_answers(l);
    }
    uint32_t at;
    for (uint64_t key = part_key(l, asked); hash_table_get(&l->st->answers, key, &at); key++) {
        if (same_part(l, asked, &answered->items[at])) {
            l->next = at + 1;
            return &answered->items[at];
        }
    }
    return NULL;
}
