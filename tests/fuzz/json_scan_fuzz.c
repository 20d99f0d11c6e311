// json_scan against jansson: the same texts are accepted, with the same values; skipping a text
// that is valid ends where it ends. Where jansson itself refuses valid JSON the texts are not
// compared.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/encoding.h"
#include "core/json/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 16 };

static bool doubtful; // jansson may refuse this text although it is valid
static char unescaped[TEXT_MAX];

static struct slice meaning(struct json_string s) {
    if (!s.escaped) {
        return s.raw;
    }
    size_t len = json_string_unescape(unescaped, s.raw);
    if (len == (size_t)-1) {
        doubtful = true;
        return SLICE_LIT("");
    }
    check(len <= s.raw.len);
    // A lone surrogate, which jansson refuses, became this.
    doubtful |= memmem(unescaped, len, "\xef\xbf\xbd", 3) != NULL;
    return slice_of(unescaped, len);
}

static json_t *string_value(struct slice s) {
    json_t *v = json_stringn(s.ptr, s.len);
    if (v == NULL) {
        doubtful = true;
    }
    return v == NULL ? json_null() : v;
}

static json_t *number_value(struct json_scan *s) {
    struct json_scan again = *s;
    struct slice text = {0};
    if (!json_scan_number(s, &text)) {
        return NULL;
    }
    bool whole = true;
    for (size_t i = 0; i < text.len; i++) {
        whole &= text.ptr[i] == '-' || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
    }
    int64_t value = 0;
    bool fits = json_scan_int(&again, &value);
    check(!fits || (whole && again.pos == s->pos));
    if (fits) {
        return json_integer(value);
    }
    doubtful |= whole; // beyond int64
    char copy[512];
    if (text.len >= sizeof copy) {
        doubtful = true;
        return json_null();
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    json_t *real = json_real(strtod(copy, NULL));
    doubtful |= real == NULL; // infinite
    return real == NULL ? json_null() : real;
}

static json_t *pull(struct json_scan *s);

static json_t *pull_object(struct json_scan *s) {
    json_t *object = json_object();
    struct slice key;
    json_scan_enter_object(s);
    while (json_scan_key(s, &key)) {
        struct json_string raw = {key, memchr(key.ptr, '\\', key.len) != NULL};
        struct slice name = meaning(raw);
        char *copy = calloc(1, name.len + 1);
        check(copy != NULL);
        memcpy(copy, name.ptr, name.len);
        doubtful |= memchr(copy, '\0', name.len) != NULL;
        json_t *value = pull(s);
        if (value != NULL && json_object_set_new(object, copy, value) != 0) {
            doubtful = true;
        }
        free(copy);
    }
    return object;
}

static json_t *pull(struct json_scan *s) {
    struct json_string text;
    bool truth;
    switch (json_scan_peek(s)) {
    case JSON_KIND_OBJECT: return pull_object(s);
    case JSON_KIND_ARRAY: {
        json_t *array = json_array();
        json_scan_enter_array(s);
        while (json_scan_item(s)) {
            json_t *value = pull(s);
            if (value != NULL) {
                json_array_append_new(array, value);
            }
        }
        return array;
    }
    case JSON_KIND_STRING: return json_scan_string(s, &text) ? string_value(meaning(text)) : NULL;
    case JSON_KIND_NUMBER: return number_value(s);
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE: return json_scan_bool(s, &truth) ? json_boolean(truth) : NULL;
    case JSON_KIND_NULL: return json_scan_null(s) ? json_null() : NULL;
    case JSON_KIND_NONE: break;
    }
    json_scan_fail(s);
    return NULL;
}

// More brackets in a row than json_scan follows.
static bool deep(const uint8_t *data, size_t size) {
    size_t open = 0;
    for (size_t i = 0; i < size; i++) {
        open += data[i] == '[' || data[i] == '{';
    }
    return open > JSON_SCAN_DEPTH_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // jansson takes a NUL byte for the end of the text.
    if (size == 0 || size > TEXT_MAX || memchr(data, '\0', size) != NULL) {
        return 0;
    }
    // A copy of exact size, so that a read past the end is seen.
    char *text = malloc(size);
    check(text != NULL);
    memcpy(text, data, size);
    struct slice whole = slice_of(text, size);

    json_t *judged = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct json_scan s;
    doubtful = false;
    json_scan_init(&s, whole);
    json_t *pulled = pull(&s);
    bool accepted = json_scan_finish(&s);

    struct json_scan skipper;
    json_scan_init(&skipper, whole);
    json_scan_skip(&skipper);
    bool skipped = json_scan_finish(&skipper);

    if (judged != NULL && !deep(data, size)) {
        check(accepted);
        check(skipped);
        check(json_equal(judged, pulled));
    }
    if (judged == NULL && accepted) {
        check(doubtful || !utf8_valid(whole));
    }
    json_decref(judged);
    json_decref(pulled);
    free(text);
    return 0;
}
