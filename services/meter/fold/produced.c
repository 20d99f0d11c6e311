#include "meter/fold/produced.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"

void produced_forget(struct produced *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        free(p->topics[i].name);
    }
    p->count = p->wanted = 0;
    hash_table_clear(&p->by_name);
}

void produced_done(struct produced *p) {
    produced_forget(p);
    free(p->topics);
    hash_table_done(&p->by_name);
    *p = (struct produced){0};
}

// The topic, or NULL; *ret_key is where it is or belongs.
static struct produced_topic *find(const struct produced *p, struct slice name, uint64_t *ret_key) {
    uint32_t at;
    for (*ret_key = hash_bytes(name.ptr, name.len, 0); hash_table_get(&p->by_name, *ret_key, &at);
         (*ret_key)++) {
        if (slice_eq(slice_of(p->topics[at].name, p->topics[at].name_len), name)) {
            return &p->topics[at];
        }
    }
    return NULL;
}

bool produced_find(struct produced *p, const struct topic_key *topic, uint64_t *ret_bytes,
                   uint64_t *ret_messages) {
    char text[TOPIC_ID_TEXT_LEN];
    struct slice name = topic->name;
    if (topic->has_id) {
        topic_id_format(text, topic->id);
        name = slice_of(text, sizeof text);
    }
    uint64_t key;
    struct produced_topic *t = find(p, name, &key);
    if (t == NULL) {
        if (p->count == PRODUCED_TOPICS_MAX) {
            return false;
        }
        p->topics = array_grow(p->topics, p->count, &p->cap, sizeof *p->topics);
        t = &p->topics[p->count];
        *t = (struct produced_topic){.name = malloc(name.len + 1), .name_len = name.len};
        check(t->name != NULL);
        memcpy(t->name, name.ptr, name.len);
        t->name[name.len] = '\0';
        t->wanted = true;
        p->wanted++;
        hash_table_put(&p->by_name, key, p->count++);
    }
    *ret_bytes = t->bytes;
    *ret_messages = t->messages;
    return t->known;
}

void produced_set(struct produced *p, struct slice topic, uint64_t bytes, uint64_t messages) {
    uint64_t key;
    struct produced_topic *t = find(p, topic, &key);
    if (t != NULL && bytes > 0 && messages > 0) {
        t->known = true;
        t->bytes = bytes;
        t->messages = messages;
    }
}

void produced_loaded(struct produced *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        p->topics[i].wanted = false;
    }
    p->wanted = 0;
}
