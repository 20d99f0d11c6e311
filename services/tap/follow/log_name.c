// Names of rotated files; see the header.
#include "tap/follow/log_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum {
    DATE_DIGITS_MIN = 8,   // YYYYMMDD
    NUMBER_DIGITS_MAX = 6, // above, digits are a date
};

static const int64_t SECOND_MS = 1000;

static bool is_digit(char c) {
    return isdigit((unsigned char)c) != 0;
}

static bool is_separator(char c) {
    return c == '.' || c == '-' || c == '_';
}

static bool cut_ending(struct slice *name, const char *ending) {
    size_t n = strlen(ending);
    if (name->len <= n || memcmp(name->ptr + name->len - n, ending, n) != 0) {
        return false;
    }
    name->len -= n;
    return true;
}

// Digits with separators between them, enough for a date.
static bool is_date(struct slice part) {
    size_t digits = 0;
    for (size_t i = 0; i < part.len; i++) {
        bool digit = is_digit(part.ptr[i]);
        if (!digit && !is_separator(part.ptr[i])) {
            return false;
        }
        digits += digit;
    }
    return digits >= DATE_DIGITS_MIN && is_digit(part.ptr[0]);
}

// A date between the live file's stem and its ending: the only such part that can't be the name of
// another log.
static bool parse_before_ending(struct slice live, struct slice plain, struct slice *ret) {
    const char *dot = memrchr(live.ptr, '.', live.len);
    if (dot == NULL || dot == live.ptr) {
        return false;
    }
    size_t stem = (size_t)(dot - live.ptr), ending = live.len - stem;
    if (plain.len <= live.len + 1 || memcmp(plain.ptr, live.ptr, stem) != 0 ||
        memcmp(plain.ptr + plain.len - ending, dot, ending) != 0 ||
        !is_separator(plain.ptr[stem])) {
        return false;
    }
    *ret = slice_of(plain.ptr + stem + 1, plain.len - live.len - 1);
    return is_date(*ret);
}

bool log_name_parse(const char *live, const char *name, struct log_name *ret) {
    static const char *const PACKED[] = {".gz",  ".zst", ".xz", ".bz2", ".lz4", ".lzma",
                                         ".zip", ".Z",   ".br", ".lzo", ".7z",  ".deflate"};
    struct slice l = slice_str(live), plain = slice_str(name);
    struct log_name n = {.live = slice_eq(l, plain)};
    for (size_t i = 0; !n.live && !n.packed && i < sizeof PACKED / sizeof PACKED[0]; i++) {
        n.packed = cut_ending(&plain, PACKED[i]);
    }
    n.plain = plain;
    if (!n.live && plain.len > l.len + 1 && slice_starts_with(plain, l) &&
        is_separator(plain.ptr[l.len])) {
        n.part = slice_of(plain.ptr + l.len + 1, plain.len - l.len - 1);
    } else if (n.packed && slice_eq(plain, l)) {
        n.part = slice_of(plain.ptr + plain.len, 0); // "kafka-request.log.gz"
    } else if (!n.live && !parse_before_ending(l, plain, &n.part)) {
        return false;
    }
    *ret = n;
    return true;
}

// --- order ---------------------------------------------------------------------------------------

// Takes a run of digits, or one other character. False at the end.
static bool take(struct slice *s, struct slice *ret) {
    if (s->len == 0) {
        return false;
    }
    size_t n = 1;
    while (is_digit(s->ptr[0]) && n < s->len && is_digit(s->ptr[n])) {
        n++;
    }
    *ret = slice_of(s->ptr, n);
    *s = slice_of(s->ptr + n, s->len - n);
    return true;
}

bool log_name_is_number(struct slice part) {
    for (size_t i = 0; i < part.len; i++) {
        if (!is_digit(part.ptr[i])) {
            return false;
        }
    }
    return part.len > 0 && part.len <= NUMBER_DIGITS_MAX;
}

bool log_name_alike(struct slice a, struct slice b) {
    struct slice x, y;
    if (log_name_is_number(a) != log_name_is_number(b)) {
        return false;
    }
    for (;;) {
        bool more = take(&a, &x);
        if (take(&b, &y) != more) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (is_digit(x.ptr[0]) ? !is_digit(y.ptr[0]) : !slice_eq(x, y)) {
            return false;
        }
    }
}

static int compare_numbers(struct slice a, struct slice b) {
    while (a.len > 0 && a.ptr[0] == '0') {
        a = slice_of(a.ptr + 1, a.len - 1);
    }
    while (b.len > 0 && b.ptr[0] == '0') {
        b = slice_of(b.ptr + 1, b.len - 1);
    }
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

int log_name_order(struct slice a, struct slice b) {
    struct slice x, y;
    while (take(&a, &x) && take(&b, &y)) {
        int order = is_digit(x.ptr[0]) ? compare_numbers(x, y) : 0;
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int64_t number_of(struct slice part) {
    int64_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        n = n * 10 + (part.ptr[i] - '0');
    }
    return n;
}

bool log_name_adjoin(struct slice a, struct slice b) {
    int64_t apart =
        log_name_is_number(a) && log_name_is_number(b) ? number_of(a) - number_of(b) : 0;
    return apart == 1 || apart == -1;
}

// --- what a name tells ---------------------------------------------------------------------------

int64_t log_name_period_ms(struct slice part) {
    static const int64_t PERIODS_MS[] = {86400 * SECOND_MS, 3600 * SECOND_MS, 60 * SECOND_MS,
                                         SECOND_MS};
    struct slice run;
    size_t date = 0, behind = 0; // digits of the date, groups of two behind it
    while (take(&part, &run)) {
        if (!is_digit(run.ptr[0])) {
            continue;
        }
        if (date == 0 && run.ptr[0] != '2') {
            return 0; // no year, but e.g. seconds since 1970
        }
        if (date == 0 && run.len >= DATE_DIGITS_MIN && run.len % 2 == 0) {
            date = DATE_DIGITS_MIN; // "20261122", "2026112216"
            behind = (run.len - DATE_DIGITS_MIN) / 2;
        } else if (date < DATE_DIGITS_MIN) {
            if (run.len != (date == 0 ? 4 : 2)) {
                return 0;
            }
            date += run.len;
        } else if (run.len == 2) {
            behind++;
        } else {
            return 0;
        }
    }
    return date == DATE_DIGITS_MIN && behind < sizeof PERIODS_MS / sizeof PERIODS_MS[0]
               ? PERIODS_MS[behind]
               : 0;
}

bool log_name_may_be_copy(const char *live, const char *name) {
    struct log_name n;
    size_t len = strlen(live);
    if (!log_name_parse(live, name, &n) || n.live || n.part.len == 0) {
        return false;
    }
    return log_name_is_number(n.part) || (strncmp(live, name, len) == 0 && name[len] == '-');
}
