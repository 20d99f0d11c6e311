// What a spreadsheet might run, and what needs quotes.
#include "core/export/csv.h"

#include <string.h>

// Marks that some programs skip at the beginning of a cell, besides ASCII's blanks and controls.
static const char *const SKIPPED[] = {
    "\xc2\xa0",     // no-break space
    "\xc2\xad",     // soft hyphen
    "\xe1\x9a\x80", // ogham space
    "\xe2\x81\x9f", // mathematical space
    "\xe2\x81\xa0", // word joiner
    "\xe3\x80\x80", // ideographic space
    "\xef\xbb\xbf", // byte order mark
};
static const char *const FULL_WIDTH[] = {
    "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0", // = + - @
    "\xe2\x88\x92",                                                 // the minus sign
    "\xef\xb9\xa3", "\xef\xb9\xa2", "\xef\xb9\xa6", "\xef\xb9\xab", // small - + = @
};

static bool begins_with(struct slice s, const char *with) {
    return slice_starts_with(s, slice_str(with));
}

// Bytes at the beginning that are white space, a control character or a mark; 0: none.
static size_t skipped(struct slice s) {
    unsigned char c = s.len > 0 ? (unsigned char)s.ptr[0] : 'x';
    if (c <= ' ' || c == 0x7f) {
        return 1;
    }
    // C1 controls: U+0080..U+009F.
    if (c == 0xc2 && s.len > 1 && (unsigned char)s.ptr[1] >= 0x80 &&
        (unsigned char)s.ptr[1] <= 0x9f) {
        return 2;
    }
    // U+2000..U+200F, U+2028..U+202F: spaces, joiners, marks of direction.
    if (c == 0xe2 && s.len > 2 && (unsigned char)s.ptr[1] == 0x80) {
        unsigned char last = (unsigned char)s.ptr[2];
        return last <= 0x8f || (last >= 0xa8 && last <= 0xaf) ? 3 : 0;
    }
    for (size_t i = 0; i < sizeof SKIPPED / sizeof *SKIPPED; i++) {
        if (begins_with(s, SKIPPED[i])) {
            return strlen(SKIPPED[i]);
        }
    }
    return 0;
}

// What begins here is run by somebody's spreadsheet, once it has dropped what it skips.
static bool runs(struct slice s) {
    while (skipped(s) > 0) {
        s = slice_from(s, skipped(s));
    }
    if (s.len > 0 && strchr("=+-@", s.ptr[0]) != NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof FULL_WIDTH / sizeof *FULL_WIDTH; i++) {
        if (begins_with(s, FULL_WIDTH[i])) {
            return true;
        }
    }
    return false;
}

// -12, 12.5: digits, one sign, one point between digits.
static bool is_number(struct slice s) {
    bool point = false, digit = false;
    for (size_t i = s.len > 0 && s.ptr[0] == '-' ? 1 : 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            digit = true;
        } else if (s.ptr[i] == '.' && !point && digit) {
            point = true;
            digit = false;
        } else {
            return false;
        }
    }
    return digit;
}

// Some locale's separator: what follows begins a cell of its own.
static bool separates(char c) {
    return c == ',' || c == ';' || c == '\t' || c == '|';
}

static bool needs_quotes(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (separates(s.ptr[i]) || s.ptr[i] == '"' || s.ptr[i] == '\r' || s.ptr[i] == '\n') {
            return true;
        }
    }
    return s.len > 0 && (skipped(s) > 0 || s.ptr[s.len - 1] == ' ');
}

void csv_add_cell(struct buf *out, struct slice value) {
    if (is_number(value)) {
        buf_add_slice(out, value);
        return;
    }
    bool formula = runs(value) || (value.len > 0 && (value.ptr[0] == '\t' || value.ptr[0] == '\r'));
    if (!formula && !needs_quotes(value)) {
        buf_add_slice(out, value);
        return;
    }
    buf_add_char(out, '"');
    if (formula) {
        buf_add_char(out, '\'');
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"') {
            buf_add_char(out, '"');
        }
        buf_add_char(out, value.ptr[i]);
        // Quotes are of no use to whoever reads the file with another separator.
        if (separates(value.ptr[i]) && runs(slice_from(value, i + 1))) {
            buf_add_char(out, '\'');
        }
    }
    buf_add_char(out, '"');
}
