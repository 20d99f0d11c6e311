// A file of log lines through parser and fold: no crash, no undefined behaviour, whatever the
// bytes; and with white space in every gap, which keeps the quick ways from being taken, the same
// content. With 'S' as first byte, the rest is a stored state: refused, or read, used and written
// again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/brokerlog/line_prefix.h"
#include "core/brokerlog/line_remains.h"
#include "core/usage/usage_blob.h"
#include "core/usage/usage_fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const struct usage_delta *d) {
    (void)ctx;
    (void)d;
}

static const struct usage_sink SINK = {.add = ignore};

// The line with a space behind every brace, comma and colon of its JSON.
static char *spaced(const char *text, size_t len, size_t *ret_len) {
    char *out = malloc(2 * len + 1);
    check(out != NULL);
    const char *json = memchr(text, '{', len);
    size_t n = 0;
    bool in_string = false;
    for (const char *p = text; p < text + len; p++) {
        out[n++] = *p;
        if (json == NULL || p < json) {
            continue;
        }
        if (in_string && *p == '\\' && p + 1 < text + len) {
            out[n++] = *++p;
        } else if (*p == '"') {
            in_string = !in_string;
        } else if (!in_string && (*p == '{' || *p == ',' || *p == ':' || *p == '[')) {
            out[n++] = ' ';
        }
    }
    *ret_len = n;
    return out;
}

static void check_parts(const struct broker_line_parts *a, const struct broker_line_parts *b) {
    check(a->count == b->count);
    check(a->count == 0 || memcmp(a->items, b->items, a->count * sizeof *a->items) == 0);
}

static void check_same(const struct broker_line *a, const struct broker_line *b) {
    check(a->api_key == b->api_key && a->api_version == b->api_version &&
          a->correlation_id == b->correlation_id && a->forwarded == b->forwarded &&
          a->has_client_id == b->has_client_id && a->has_request == b->has_request &&
          a->has_response == b->has_response && a->total_time_us == b->total_time_us &&
          a->session_id == b->session_id && a->session_epoch == b->session_epoch &&
          a->response_session_id == b->response_session_id && a->error == b->error &&
          a->replica_id == b->replica_id && a->acks == b->acks);
    check(slice_eq(a->client_id, b->client_id) && slice_eq(a->principal, b->principal) &&
          slice_eq(a->listener, b->listener) && slice_eq(a->connection, b->connection) &&
          slice_eq(a->software_name, b->software_name) && slice_eq(a->group_id, b->group_id) &&
          slice_eq(a->software_version, b->software_version));
    check(a->topic_count == b->topic_count && a->fact_count == b->fact_count);
    for (uint32_t i = 0; i < a->topic_count; i++) {
        check(a->topics[i].has_id == b->topics[i].has_id &&
              memcmp(a->topics[i].id, b->topics[i].id, TOPIC_ID_LEN) == 0 &&
              slice_eq(a->topics[i].name, b->topics[i].name));
    }
    check_parts(&a->asked, &b->asked);
    check_parts(&a->forgotten, &b->forgotten);
    check_parts(&a->answered, &b->answered);
    check_parts(&a->acquired, &b->acquired);
}

static void check_spaced(struct broker_line *line, enum line_fault fault, const char *text,
                         size_t len) {
    struct broker_line other;
    broker_line_init(&other);
    size_t spaced_len;
    char *copy = spaced(text, len, &spaced_len);
    enum line_fault spaced_fault = broker_line_parse(&other, slice_of(copy, spaced_len));
    // What is torn is found again at other places.
    if (line->torn.len == 0 && other.torn.len == 0) {
        check(fault == spaced_fault);
        if (fault == LINE_FAULT_NONE) {
            check_same(line, &other);
        }
    }
    free(copy);
    broker_line_done(&other);
}

// What can be read is no other text, and what remains of it has its time.
static void check_remains(const struct broker_line *line, enum line_fault fault,
                          struct slice text) {
    struct line_remains remains;
    line_remains_read(text, &remains);
    if (fault != LINE_FAULT_NONE || line->torn.len > 0) {
        return;
    }
    check(!line_prefix_is_other(text));
    check(remains.has_time && remains.time_us == line->time_us);
}

static void fold_lines(struct usage_state *st, const char *text, size_t size) {
    struct topic_names *names = topic_names_new();
    struct broker_line line;
    broker_line_init(&line);
    int64_t last_us = 0;
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t len = newline == NULL ? size : (size_t)(newline - text);
        // A copy of exact size, so that a read past the end is seen.
        char *copy = malloc(len + (len == 0));
        check(copy != NULL);
        memcpy(copy, text, len);
        struct broker_line_brief brief;
        enum line_fault brief_fault = broker_line_classify(slice_of(copy, len), &brief);
        enum line_fault fault = broker_line_parse(&line, slice_of(copy, len));
        check_spaced(&line, fault, copy, len);
        check_remains(&line, fault, slice_of(copy, len));
        if (fault == LINE_FAULT_NONE) {
            check(brief_fault == LINE_FAULT_NONE || brief.torn.len > 0);
            if (brief_fault == LINE_FAULT_NONE && brief.torn.len == line.torn.len) {
                check(brief.api_key == line.api_key && brief.forwarded == line.forwarded);
            }
            last_us = line.time_us;
            (void)topic_names_learn_line(names, &line);
            usage_fold_line(st, 1, &line, names, &SINK);
        }
        free(copy);
        text += len + (newline != NULL);
        size -= len + (newline != NULL);
    }
    usage_fold_settle(st, names, &SINK);
    usage_fold_prune(st, last_us, &SINK);
    broker_line_done(&line);
    topic_names_free(names);
}

static void store_and_load(const struct usage_state *st) {
    struct buf blob;
    struct usage_state *again = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    usage_blob_encode(st, &blob);
    check(!blob.overflow);
    check(usage_blob_decode(buf_slice(&blob), &again, NULL) == ERR_OK);
    usage_state_free(again);
    buf_done(&blob);
}

static const char LINE[] =
    "[2026-11-01 00:00:00,000] DEBUG Completed request:{\"requestHeader\":{\"requestApiKey\":1,"
    "\"requestApiVersion\":11},\"request\":{\"sessionId\":0,\"sessionEpoch\":-1,\"topics\":[{"
    "\"topic\":\"t\",\"partitions\":[{\"partition\":0,\"fetchOffset\":5}]}]},\"response\":{"
    "\"errorCode\":0,\"sessionId\":0,\"responses\":[{\"topic\":\"t\",\"partitions\":[{"
    "\"partitionIndex\":0,\"errorCode\":0,\"highWatermark\":9,\"recordsSizeInBytes\":5}]}]},"
    "\"connection\":\"a:1-b:2-0-0\",\"principal\":\"User:u\",\"listener\":\"L\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct usage_state *st = NULL;
    const char *text = (const char *)data;
    if (size > 0 && text[0] == 'S') {
        if (usage_blob_decode(slice_of(text + 1, size - 1), &st, NULL) != ERR_OK) {
            return 0;
        }
        store_and_load(st);
        fold_lines(st, LINE, sizeof LINE - 1);
    } else {
        st = usage_state_new();
        fold_lines(st, text, size);
    }
    store_and_load(st);
    usage_state_free(st);
    return 0;
}
