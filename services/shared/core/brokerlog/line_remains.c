// Finds fields by their names in text that is no JSON any more.
#include "core/brokerlog/line_remains.h"

#include "base/encoding.h"
#include "base/number.h"
#include "core/brokerlog/kafka_protocol.h"
#include "core/brokerlog/line_prefix.h"
#include "core/json/json_scan.h"

// What stands behind the first `name` at or after *from, which is moved there; empty: none.
static struct slice behind(struct slice text, const char *name, size_t *from) {
    size_t len = strlen(name);
    const char *p =
        *from >= text.len ? NULL : memmem(text.ptr + *from, text.len - *from, name, len);
    if (p == NULL) {
        return slice_of("", 0);
    }
    *from = (size_t)(p - text.ptr) + len;
    return slice_of(text.ptr + *from, text.len - *from);
}

static bool number_at(struct slice text, uint64_t *ret) {
    size_t n = 0;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9') {
        n++;
    }
    // Without what follows it, the number may be cut.
    return n < text.len && number_parse_u64(slice_of(text.ptr, n), ret);
}

static uint64_t sum_of_records(struct slice text) {
    uint64_t sum = 0, bytes;
    size_t at = 0;
    for (struct slice rest; (rest = behind(text, "\"recordsSizeInBytes\":", &at)).len > 0;) {
        if (number_at(rest, &bytes) && bytes <= INT32_MAX) {
            sum += bytes;
        }
    }
    return sum;
}

// The string that begins at `text`, to its closing quote.
static struct slice string_at(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
        } else if (text.ptr[i] == '"') {
            return slice_of(text.ptr, i);
        }
    }
    return slice_of("", 0);
}

static void read_principal(struct slice text, struct line_remains *ret) {
    size_t at = 0;
    struct slice raw = string_at(behind(text, "\"principal\":\"", &at));
    if (raw.len == 0 || raw.len > LINE_REMAINS_PRINCIPAL_MAX) {
        return;
    }
    size_t len = json_string_unescape(ret->principal, raw);
    if (len != (size_t)-1 && utf8_valid(slice_of(ret->principal, len))) {
        ret->principal_len = len;
    }
}

// Of the request, whose epoch stands behind its id. One that opens or closes a session is none.
static void read_session(struct slice text, struct line_remains *ret) {
    uint64_t id, epoch;
    size_t at = 0;
    if (!number_at(behind(text, "\"sessionId\":", &at), &id) || id == 0 || id > INT32_MAX ||
        !number_at(behind(text, ",\"sessionEpoch\":", &at), &epoch) || epoch == 0 ||
        epoch > INT32_MAX) {
        return;
    }
    ret->session_id = (int32_t)id;
    ret->session_epoch = (int32_t)epoch;
}

size_t line_remains_cut(struct slice text) {
    for (size_t i = text.len; i >= 3; i--) {
        const char *p = text.ptr + i - 3;
        // A string may end in a comma, but no letter stands behind its closing quote.
        if (p[0] == ',' && p[1] == '"' && p[2] >= 'a' && p[2] <= 'z') {
            return i - 3;
        }
    }
    return 0;
}

void line_remains_add(struct line_remains *r, struct slice more) {
    uint64_t api;
    size_t at = 0;
    if (r->api_key < 0 && number_at(behind(more, "\"requestApiKey\":", &at), &api) &&
        api <= INT16_MAX) {
        r->api_key = (int32_t)api;
    }
    if (r->session_id == 0) {
        read_session(more, r);
    }
    read_principal(more, r);
    r->record_bytes += sum_of_records(more);
}

void line_remains_read(struct slice text, struct line_remains *ret) {
    ret->has_time = line_prefix_time(text, &ret->time_us);
    ret->api_key = -1;
    ret->session_id = 0;
    ret->session_epoch = 0;
    ret->principal_len = 0;
    ret->record_bytes = 0;
    line_remains_add(ret, text);
}

struct slice line_remains_principal(const struct line_remains *r) {
    return slice_of(r->principal, r->principal_len);
}

bool line_remains_at_risk(const struct line_remains *r) {
    return r->api_key == KAFKA_API_FETCH || r->api_key == KAFKA_API_SHARE_FETCH ||
           (r->api_key < 0 && r->record_bytes > 0);
}
