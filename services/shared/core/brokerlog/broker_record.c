// Headers, verdict and partition of a record; see the header. Pure, any thread.
#include "core/brokerlog/broker_record.h"

#include <string.h>

#include "base/check.h"

static const char *const KIND_NAMES[] = {
    [BROKER_RECORD_LINE] = "line",       [BROKER_RECORD_FACT] = "fact",
    [BROKER_RECORD_DEAD] = "dead",       [BROKER_RECORD_REFUSAL] = "refusal",
    [BROKER_RECORD_CONTROL] = "control", [BROKER_RECORD_HOLE] = "hole",
};
enum { KINDS = sizeof KIND_NAMES / sizeof KIND_NAMES[0] };

const char *broker_record_kind_name(enum broker_record_kind kind) {
    check((unsigned)kind < KINDS);
    return KIND_NAMES[kind];
}

bool broker_record_kind_parse(struct slice text, enum broker_record_kind *ret) {
    for (unsigned k = 0; k < KINDS; k++) {
        if (slice_eq_str(text, KIND_NAMES[k])) {
            *ret = (enum broker_record_kind)k;
            return true;
        }
    }
    return false;
}

bool broker_record_kind_advances(enum broker_record_kind kind) {
    return kind != BROKER_RECORD_CONTROL && kind != BROKER_RECORD_HOLE;
}

enum err_code broker_record_parse(struct slice kind, struct slice pos, struct slice prev,
                                  struct broker_record *ret, struct err *e) {
    struct broker_record r = {0};
    if (!broker_record_kind_parse(kind, &r.kind)) {
        return err_field(e, ERR_INVALID, LOG_HEADER_KIND, "record has an unknown kind \"%.*s\"",
                         SLICE_ARG(kind));
    }
    if (!log_position_parse(pos, &r.pos)) {
        return err_field(e, ERR_INVALID, LOG_HEADER_POS, "record has no position but \"%.*s\"",
                         SLICE_ARG(pos));
    }
    if (prev.len > 0) {
        if (!log_position_parse(prev, &r.prev) || r.prev.broker != r.pos.broker) {
            return err_field(e, ERR_INVALID, LOG_HEADER_PREV,
                             "record's previous position is \"%.*s\"", SLICE_ARG(prev));
        }
        r.has_prev = true;
    }
    *ret = r;
    return ERR_OK;
}

// Positions of the tap's "nothing shipped here yet" compare as below everything.
static bool nothing_shipped(const struct log_position *p) {
    return p->generation == 0 && p->offset == 0;
}

enum log_verdict broker_record_verdict(const struct broker_record *r,
                                       const struct log_position *watermark) {
    if (!broker_record_kind_advances(r->kind)) {
        if (nothing_shipped(&r->pos)) {
            return LOG_TAKE;
        }
        return watermark != NULL && log_position_cmp(&r->pos, watermark) <= 0 ? LOG_TAKE : LOG_GAP;
    }
    if (watermark == NULL) {
        return r->has_prev ? LOG_GAP : LOG_TAKE;
    }
    if (log_position_cmp(&r->pos, watermark) <= 0) {
        return LOG_DUPLICATE;
    }
    return r->has_prev && log_position_cmp(&r->prev, watermark) > 0 ? LOG_GAP : LOG_TAKE;
}

// Murmur2 as in org.apache.kafka.common.utils.Utils.murmur2 (32 bit, seed 0x9747b28c).
static uint32_t murmur2(const unsigned char *p, size_t len) {
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28cU ^ (uint32_t)len;
    size_t left = len;
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (left == 3) {
        h ^= (uint32_t)p[2] << 16;
    }
    if (left >= 2) {
        h ^= (uint32_t)p[1] << 8;
    }
    if (left >= 1) {
        h ^= p[0];
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t broker_record_partition(struct slice key, int32_t count) {
    check(count > 0 && count <= LOG_PARTITIONS_MAX);
    uint32_t h = murmur2((const unsigned char *)key.ptr, key.len) & 0x7fffffffU;
    return (int32_t)(h % (uint32_t)count);
}
