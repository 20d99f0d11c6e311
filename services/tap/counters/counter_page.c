// Prometheus' text format, one line at a time; see the header.
#include "tap/counters/counter_page.h"

#include <string.h>

#include "base/number.h"

enum { DIGITS_MAX = 18, EXPONENT_MAX = 18 }; // below 10^18, and so exact in 64 bits

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static struct slice without_blanks(struct slice s) {
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = slice_from(s, 1);
    }
    return s;
}

// "224226", "2.24226E5", "224226.0": Java's text of a double. False for what is no whole number from 0
// on; NaN and infinity are none.
static bool whole_number(struct slice text, uint64_t *ret) {
    uint64_t digits = 0;
    int64_t exponent = 0;
    int count = 0;
    bool point = false, any = false;
    size_t i = text.len > 0 && text.ptr[0] == '+' ? 1 : 0;
    for (; i < text.len && (is_digit(text.ptr[i]) || (text.ptr[i] == '.' && !point)); i++) {
        if (text.ptr[i] == '.') {
            point = true;
            continue;
        }
        any = true;
        if (count == DIGITS_MAX) {
            exponent += !point; // beyond what a double tells
            continue;
        }
        digits = digits * 10 + (uint64_t)(text.ptr[i] - '0');
        count += digits > 0;
        exponent -= point;
    }
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        int64_t power;
        i += i + 1 < text.len && text.ptr[i + 1] == '+' ? 2 : 1;
        if (!number_parse_i64(slice_from(text, i), &power) || power > 400 || power < -400) {
            return false;
        }
        exponent += power;
        i = text.len;
    }
    if (!any || i != text.len || (digits > 0 && exponent > EXPONENT_MAX)) {
        return false;
    }
    for (; exponent < 0 && digits > 0; exponent++) {
        digits /= 10;
    }
    for (; exponent > 0 && digits > 0; exponent--) {
        if (digits > INT64_MAX / 10) {
            return false;
        }
        digits *= 10;
    }
    *ret = digits;
    return true;
}

// The string at `s`, behind its opening quote: unescaped in place. The length with the closing quote;
// 0: it has none.
static size_t unescape(char *s, size_t len, size_t *ret_len) {
    size_t to = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"') {
            *ret_len = to;
            return i + 1;
        }
        if (s[i] == '\\' && i + 1 < len) {
            i++;
            s[to++] = s[i] == 'n' ? '\n' : s[i];
        } else {
            s[to++] = s[i];
        }
    }
    return 0;
}

// Reads `{a="b",c="d"}` at `s`. Returns its length, or 0 if it isn't that. *ret_value is that of the
// label wanted, if it is there.
static size_t read_labels(char *s, size_t len, struct slice wanted, struct slice *ret_value,
                          bool *ret_found) {
    size_t at = 1;
    *ret_found = false;
    for (;;) {
        while (at < len && (s[at] == ' ' || s[at] == ',')) {
            at++;
        }
        if (at < len && s[at] == '}') {
            return at + 1;
        }
        const char *equals = at < len ? memchr(s + at, '=', len - at) : NULL;
        if (equals == NULL) {
            return 0;
        }
        struct slice name = slice_of(s + at, (size_t)(equals - (s + at)));
        at += name.len + 1;
        if (at >= len || s[at] != '"') {
            return 0;
        }
        size_t value_len = 0;
        size_t n = unescape(s + at + 1, len - at - 1, &value_len);
        if (n == 0) {
            return 0;
        }
        if (slice_eq(name, wanted)) {
            *ret_found = true;
            *ret_value = slice_of(s + at + 1, value_len);
        }
        at += 1 + n;
    }
}

static bool named(struct slice line, struct slice metric) {
    return slice_starts_with(line, metric) && line.len > metric.len &&
           (line.ptr[metric.len] == '{' || line.ptr[metric.len] == ' ' ||
            line.ptr[metric.len] == '\t');
}

static void read_line(struct counter_page *p) {
    static const struct slice ERROR_METRIC = SLICE_LIT("jmx_scrape_error");
    struct slice line = slice_of(p->line, p->len), topic = {0};
    bool error = named(line, ERROR_METRIC), has_topic = false;
    if (!error && !named(line, p->metric)) {
        return;
    }
    size_t at = error ? ERROR_METRIC.len : p->metric.len;
    if (p->line[at] == '{') {
        size_t n = read_labels(p->line + at, p->len - at, p->label, &topic, &has_topic);
        if (n == 0) {
            return;
        }
        at += n;
    }
    struct slice value = without_blanks(slice_from(line, at));
    size_t n = 0; // a timestamp may follow
    while (n < value.len && value.ptr[n] != ' ' && value.ptr[n] != '\t' && value.ptr[n] != '\r') {
        n++;
    }
    uint64_t number = 0;
    bool read = whole_number(slice_of(value.ptr, n), &number);
    if (error) {
        p->failed = p->failed || !read || number != 0;
    } else if (read && has_topic && topic.len > 0) {
        p->samples++;
        p->take(p->ctx, topic, number);
    }
}

void counter_page_begin(struct counter_page *p, const char *metric, const char *label,
                        counter_page_take take, void *ctx) {
    p->metric = slice_str(metric);
    p->label = slice_str(label);
    p->take = take;
    p->ctx = ctx;
    p->bytes = p->samples = 0;
    p->failed = p->skipping = false;
    p->len = 0;
}

static void end_line(struct counter_page *p) {
    if (!p->skipping && p->len > 0) {
        read_line(p);
    }
    p->len = 0;
    p->skipping = false;
}

bool counter_page_feed(struct counter_page *p, struct slice piece) {
    p->bytes += piece.len;
    if (p->bytes > COUNTER_PAGE_BYTES_MAX) {
        p->failed = true;
        return false;
    }
    while (piece.len > 0) {
        const char *newline = memchr(piece.ptr, '\n', piece.len);
        size_t n = newline == NULL ? piece.len : (size_t)(newline - piece.ptr);
        if (!p->skipping && p->len + n <= sizeof p->line) {
            memcpy(p->line + p->len, piece.ptr, n);
            p->len += n;
        } else {
            p->skipping = true;
        }
        if (newline != NULL) {
            end_line(p);
            n++;
        }
        piece = slice_from(piece, n);
    }
    return true;
}

bool counter_page_end(struct counter_page *p) {
    end_line(p);
    return !p->failed;
}
