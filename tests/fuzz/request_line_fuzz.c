// A file of log lines through parser and fold: no crash, no undefined behaviour, whatever the
// bytes. With 'S' as first byte, the rest is a stored state: refused, or read, used and written
// again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/usage_fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const struct usage_delta *d) {
    (void)ctx;
    (void)d;
}

static const struct usage_sink SINK = {ignore, NULL};

static void fold_lines(struct usage_state *st, const char *text, size_t size) {
    struct topic_names *names = topic_names_new();
    struct request_line line;
    request_line_init(&line);
    int64_t last_us = 0;
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t len = newline == NULL ? size : (size_t)(newline - text);
        // A copy of exact size, so that a read past the end is seen.
        char *copy = malloc(len + (len == 0));
        check(copy != NULL);
        memcpy(copy, text, len);
        struct request_brief brief;
        enum line_fault brief_fault = request_line_classify(slice_of(copy, len), &brief);
        enum line_fault fault = request_line_parse(&line, slice_of(copy, len));
        if (fault == LINE_FAULT_NONE) {
            check(brief_fault == LINE_FAULT_NONE || brief.torn.len > 0);
            if (brief_fault == LINE_FAULT_NONE && brief.torn.len == line.torn.len)
                check(brief.api_key == line.api_key && brief.forwarded == line.forwarded);
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
    request_line_done(&line);
    topic_names_free(names);
}

static void store_and_load(const struct usage_state *st) {
    struct buf blob;
    struct usage_state *again = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    usage_state_encode(st, &blob);
    check(!blob.overflow);
    check(usage_state_decode(buf_slice(&blob), &again, NULL) == ERR_OK);
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
        if (usage_state_decode(slice_of(text + 1, size - 1), &st, NULL) != ERR_OK)
            return 0;
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
