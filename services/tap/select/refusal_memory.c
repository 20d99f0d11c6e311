// Rows of refusals; see the header.
#include "tap/select/refusal_memory.h"

#include <string.h>

#include "base/hash.h"
#include "core/brokerlog/kafka_protocol.h"
#include "core/brokerlog/topic.h"

void refusal_memory_clear(struct refusal_memory *m) {
    memset(m, 0, sizeof *m);
}

uint64_t refusal_memory_count(struct refusal_memory *m, struct slice principal, int64_t api_key,
                              int64_t error_code, int64_t at_us) {
    uint64_t key = hash_bytes(principal.ptr, principal.len, (uint64_t)(api_key * 64 + error_code));
    key = key == 0 ? 1 : key;
    struct refusal_row *row = &m->rows[key % REFUSAL_MEMORY_SLOTS];
    if (row->key != key) {
        *row = (struct refusal_row){key, at_us, 0};
        return 1;
    }
    if (at_us - row->begin_us < REFUSAL_ROW_US) {
        row->left_out++;
        return 0;
    }
    uint64_t count = row->left_out + 1;
    *row = (struct refusal_row){key, at_us, 0};
    return count;
}

// A client can't write these texts: the quotes inside its strings are escaped.
static bool has_error(struct slice line, const char *text) {
    const char *end = line.ptr + line.len;
    size_t n = strlen(text);
    for (const char *p = line.ptr; (p = memmem(p, (size_t)(end - p), text, n)) != NULL; p += n) {
        if (p + n < end && (p[n] == ',' || p[n] == '}')) {
            return true;
        }
    }
    return false;
}

int64_t refusal_memory_error_in(struct slice line) {
    if (has_error(line, "\"errorCode\":29")) {
        return KAFKA_ERROR_TOPIC_AUTHORIZATION_FAILED;
    }
    return has_error(line, "\"errorCode\":30") ? KAFKA_ERROR_GROUP_AUTHORIZATION_FAILED : 0;
}

static struct slice string_after(struct slice line, const char *text) {
    size_t n = strlen(text);
    const char *p = memmem(line.ptr, line.len, text, n);
    if (p == NULL) {
        return (struct slice){0};
    }
    p += n;
    const char *quote = memchr(p, '"', (size_t)(line.ptr + line.len - p));
    if (quote == NULL || memchr(p, '\\', (size_t)(quote - p)) != NULL) {
        return (struct slice){0};
    }
    return slice_of(p, (size_t)(quote - p));
}

struct slice refusal_memory_resource_in(struct slice line, int64_t error_code) {
    static const char *const group_shapes[] = {"\"coordinatorKeys\":[\"", "\"groupId\":\"",
                                               "\"key\":\""};
    struct slice found = {0};
    if (error_code == KAFKA_ERROR_TOPIC_AUTHORIZATION_FAILED) {
        found = string_after(line, "\"errorCode\":29,\"name\":\"");
    }
    for (size_t i = 0;
         error_code == KAFKA_ERROR_GROUP_AUTHORIZATION_FAILED && found.len == 0 && i < 3; i++) {
        found = string_after(line, group_shapes[i]);
    }
    return found.len > TOPIC_NAME_MAX ? slice_of(found.ptr, TOPIC_NAME_MAX) : found;
}
