#include "core/brokerlog/line_prefix.h"

#include <string.h>

#include "base/instant.h"

// "[2026-11-01 10:15:30,123"
enum { TIME_LEN = 24 };
// Between the time and the level, and from the level to the first brace of the JSON.
#define TIME_SHAPE "[####-##-## ##:##:##,###" // of digits
#define BEHIND_TIME "] "
#define DEBUG_MARKER "DEBUG Completed request:{"
#define INFO_MARKER "INFO Completed request:{"
static const char MESSAGE[] = "Completed request:";
static const char SUFFIX[] = " (kafka.request.logger)";
enum {
    SUFFIX_LEN = sizeof SUFFIX - 1,
    TAIL_MIN = sizeof "logger)" - 1, // what ends a line is known by at least so much
};

static bool take_digits(const char *p, int count, unsigned *ret) {
    unsigned v = 0;
    for (int i = 0; i < count; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        v = v * 10 + (unsigned)(p[i] - '0');
    }
    *ret = v;
    return true;
}

// "[2026-11-01 10:15:30,123" as UTC. The logger's clock knows no leap seconds.
static bool parse_time(const char *p, int64_t *ret_us) {
    unsigned year, month, day, hour, minute, second, milli;
    if (p[0] != '[' || p[5] != '-' || p[8] != '-' || p[11] != ' ' || p[14] != ':' || p[17] != ':' ||
        p[20] != ',' || !take_digits(p + 1, 4, &year) || !take_digits(p + 6, 2, &month) ||
        !take_digits(p + 9, 2, &day) || !take_digits(p + 12, 2, &hour) ||
        !take_digits(p + 15, 2, &minute) || !take_digits(p + 18, 2, &second) ||
        !take_digits(p + 21, 3, &milli)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ret_us = seconds * US_PER_SECOND + (int64_t)milli * 1000;
    return true;
}

bool line_prefix_time(struct slice line, int64_t *ret_us) {
    return line.len >= TIME_LEN + 2 && line.ptr[TIME_LEN] == ']' && line.ptr[TIME_LEN + 1] == ' ' &&
           parse_time(line.ptr, ret_us);
}

// The bytes from the time of a request line to its JSON; 0 if the line is none.
static size_t marker_len(struct slice line) {
    struct slice behind = slice_of(line.ptr + TIME_LEN, line.len - TIME_LEN);
    if (slice_starts_with(behind, SLICE_LIT(BEHIND_TIME DEBUG_MARKER))) {
        return sizeof(BEHIND_TIME DEBUG_MARKER) - 2;
    }
    return slice_starts_with(behind, SLICE_LIT(BEHIND_TIME INFO_MARKER))
               ? sizeof(BEHIND_TIME INFO_MARKER) - 2
               : 0;
}

bool line_prefix_split(struct slice line, int64_t *ret_us, struct slice *ret_json) {
    size_t marker = line.len > TIME_LEN ? marker_len(line) : 0;
    if (marker == 0 || !parse_time(line.ptr, ret_us)) {
        return false;
    }
    struct slice json = slice_of(line.ptr + TIME_LEN + marker, line.len - TIME_LEN - marker);
    if (json.len > SUFFIX_LEN &&
        memcmp(json.ptr + json.len - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) == 0) {
        json.len -= SUFFIX_LEN;
    }
    *ret_json = json;
    return true;
}

size_t line_prefix_last(struct slice line, size_t before) {
    if (before > line.len) {
        before = line.len;
    }
    for (size_t at = before; at-- > 1;) {
        const char *bracket = memrchr(line.ptr + 1, '[', at);
        if (bracket == NULL) {
            return 0;
        }
        at = (size_t)(bracket - line.ptr);
        struct slice json;
        int64_t ignored;
        if (line_prefix_split(slice_of(bracket, line.len - at), &ignored, &json)) {
            return at;
        }
    }
    return 0;
}

// --- other text ----------------------------------------------------------------------------------

// The line is a beginning of `shape`, in which '#' stands for a digit.
static bool begins(struct slice line, struct slice shape) {
    if (line.len > shape.len) {
        return false;
    }
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (shape.ptr[i] == '#' ? c < '0' || c > '9' : c != shape.ptr[i]) {
            return false;
        }
    }
    return true;
}

static bool contains(struct slice line, struct slice text) {
    return memmem(line.ptr, line.len, text.ptr, text.len) != NULL;
}

// Bytes that no logger writes: not text, but e.g. a piece of a packed file.
static bool is_text(struct slice line) {
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if (c < ' ' && c != '\t' && c != '\r' && c != '\x1b') {
            return false;
        }
    }
    return true;
}

bool line_prefix_is_other(struct slice line) {
    // Names of the JSON that any longer piece of a request line holds, in quotes, which other loggers
    // don't write.
    static const char *const FIELDS[] = {"\"requestHeader\":", "\"clientInformation\":",
                                         "\"recordsSizeInBytes\":", "\"requestApiKey\":"};
    if (line.len == 0 || !is_text(line)) {
        return line.len == 0;
    }
    if (begins(line, SLICE_LIT(TIME_SHAPE BEHIND_TIME DEBUG_MARKER)) ||
        begins(line, SLICE_LIT(TIME_SHAPE BEHIND_TIME INFO_MARKER))) {
        return false;
    }
    // The logger's name, or what a cut left of it.
    size_t tail = line.len < SUFFIX_LEN ? line.len : SUFFIX_LEN;
    if ((tail >= TAIL_MIN &&
         memcmp(line.ptr + line.len - tail, SUFFIX + SUFFIX_LEN - tail, tail) == 0) ||
        contains(line, slice_str(MESSAGE))) {
        return false;
    }
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        if (contains(line, slice_str(FIELDS[i]))) {
            return false;
        }
    }
    return true;
}

size_t line_prefix_nuls(struct slice line) {
    size_t n = 0;
    while (n < line.len && line.ptr[n] == '\0') {
        n++;
    }
    return n;
}
