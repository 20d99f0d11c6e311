// One pass over the lines of a head.
#include "platform/http/request_head.h"

#include <stdbool.h>
#include <strings.h>

struct head {
    bool http_1_0;
    unsigned hosts, lengths, encodings;
};

// The line at *at without its CRLF; *at moves behind it. False: it ends otherwise, or never.
static bool next_line(struct slice *at, struct slice *ret_line) {
    const char *end = memchr(at->ptr, '\n', at->len);
    if (end == NULL || end == at->ptr || end[-1] != '\r') {
        return false;
    }
    *ret_line = slice_of(at->ptr, (size_t)(end - at->ptr) - 1);
    size_t taken = ret_line->len + 2;
    *at = slice_of(at->ptr + taken, at->len - taken);
    return memchr(ret_line->ptr, '\r', ret_line->len) == NULL;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct slice trimmed(struct slice s) {
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = slice_of(s.ptr + 1, s.len - 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static bool is_called(struct slice name, const char *wanted) {
    return name.len == strlen(wanted) && strncasecmp(name.ptr, wanted, name.len) == 0;
}

static bool all_of(struct slice s, const char *allowed) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || strchr(allowed, s.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

#define DIGITS "0123456789"
#define HOST_CHARACTERS                                                                            \
    DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~%!$&'()*+;=:[]"

static const char *request_line_fault(struct slice line, struct head *head) {
    static const char HTTP_1[] = "HTTP/1.";
    const char *first = memchr(line.ptr, ' ', line.len);
    size_t target = first == NULL ? 0 : (size_t)(first - line.ptr) + 1;
    const char *second = memchr(line.ptr + target, ' ', line.len - target);
    size_t version_len = sizeof HTTP_1; // with its digit
    if (first == NULL || second == NULL || second == line.ptr + target ||
        (size_t)(line.ptr + line.len - second) != 1 + version_len) {
        return "the request line is a method, a target and a version, one space between them";
    }
    head->http_1_0 = line.ptr[line.len - 1] == '0';
    return NULL;
}

static const char *field_fault(struct slice line, struct head *head) {
    if (is_blank(line.ptr[0])) {
        return "a header may not go on in the next line";
    }
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL) {
        return "a header needs a colon";
    }
    struct slice name = slice_of(line.ptr, (size_t)(colon - line.ptr));
    struct slice value = trimmed(slice_of(colon + 1, line.len - name.len - 1));
    if (is_called(name, "host")) {
        head->hosts++;
        return all_of(value, HOST_CHARACTERS) ? NULL : "Host has a character that is not allowed";
    }
    if (is_called(name, "content-length")) {
        head->lengths++;
        return value.len > 0 && all_of(value, DIGITS) ? NULL : "Content-Length must be a number";
    }
    if (is_called(name, "transfer-encoding")) {
        head->encodings++;
        return is_called(value, "chunked") ? NULL : "Transfer-Encoding must be chunked";
    }
    return NULL;
}

static const char *counts_fault(const struct head *head) {
    if (head->hosts > 1 || (head->hosts == 0 && !head->http_1_0)) {
        return "a request must have one Host";
    }
    if (head->lengths > 1) {
        return "a request may have one Content-Length";
    }
    if (head->encodings > 1 || (head->encodings == 1 && (head->lengths > 0 || head->http_1_0))) {
        return "Transfer-Encoding may stand once, in HTTP/1.1, without Content-Length";
    }
    return NULL;
}

const char *request_head_fault(struct slice bytes) {
    static const char BAD_LINE[] = "every line of the head must end with CR and LF";
    struct head head = {.http_1_0 = false};
    struct slice line;
    // An empty line before the request is passed over (RFC 9112 2.2).
    bool read = next_line(&bytes, &line);
    if (read && line.len == 0) {
        read = next_line(&bytes, &line);
    }
    if (!read) {
        return BAD_LINE;
    }
    const char *fault = request_line_fault(line, &head);
    while (fault == NULL) {
        if (!next_line(&bytes, &line)) {
            return BAD_LINE;
        }
        if (line.len == 0) {
            return counts_fault(&head);
        }
        fault = field_fault(line, &head);
    }
    return fault;
}
