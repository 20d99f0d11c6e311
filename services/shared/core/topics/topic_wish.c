#include "core/topics/topic_wish.h"

#include <stddef.h>
#include <string.h>

#include "core/brokerlog/topic.h"

struct measure {
    const char *field; // JSON pointer; its name behind the slash
    size_t offset;     // in struct topic_size
};

static const struct measure MEASURES[] = {
    {"/partitions", offsetof(struct topic_size, partitions)},
    {"/retention_ms", offsetof(struct topic_size, retention_ms)},
    {"/max_message_bytes", offsetof(struct topic_size, message_bytes)},
};
enum { MEASURES_COUNT = sizeof MEASURES / sizeof *MEASURES };

static int64_t measured(const struct topic_size *size, const struct measure *m) {
    int64_t value = 0;
    memcpy(&value, (const char *)size + m->offset, sizeof value);
    return value;
}

// "." and ".." are no names either; they begin with no provider's prefix.
static bool name_valid(struct slice name) {
    if (name.len == 0 || name.len > TOPIC_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!topic_name_char(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

enum err_code topic_wish_check(const struct topic_wish *wish, const struct topic_limits *limits,
                               struct err *e) {
    if (!name_valid(wish->name)) {
        return err_field(e, ERR_INVALID, "/name",
                         "a topic's name is 1 to %d of a-z, A-Z, 0-9, ., _, -", TOPIC_NAME_MAX);
    }
    if (limits->prefix.len == 0 || wish->name.len <= limits->prefix.len ||
        !slice_starts_with(wish->name, limits->prefix)) {
        return err_field(e, ERR_DENIED, "/name",
                         "the topic's name does not begin with this provider's prefix \"%.*s\"",
                         (int)limits->prefix.len, limits->prefix.ptr);
    }
    for (size_t i = 0; i < MEASURES_COUNT; i++) {
        const struct measure *m = &MEASURES[i];
        int64_t asked = measured(&wish->size, m);
        int64_t max = measured(&limits->max, m);
        if (asked <= 0) {
            return err_field(e, ERR_INVALID, m->field, "%s is at least 1", m->field + 1);
        }
        if (asked > max) {
            err_field(e, ERR_LIMIT, m->field, "%s may be %lld at most", m->field + 1,
                      (long long)max);
            return err_hint(e, "the marketplace's operator sets this limit");
        }
    }
    return ERR_OK;
}

enum err_code topic_wish_fits(const struct topic_wish *wish, const struct topic_found *found,
                              struct err *e) {
    for (size_t i = 0; i < MEASURES_COUNT; i++) {
        const struct measure *m = &MEASURES[i];
        if (measured(&wish->size, m) != measured(&found->size, m)) {
            return err_field(e, ERR_CONFLICT, m->field,
                             "there is a topic of this name, with %s %lld instead of %lld",
                             m->field + 1, (long long)measured(&found->size, m),
                             (long long)measured(&wish->size, m));
        }
    }
    if (!found->only_deletes) {
        return err_field(
            e, ERR_CONFLICT, "/name",
            "there is a topic of this name, with another cleanup.policy than \"delete\"");
    }
    return ERR_OK;
}
