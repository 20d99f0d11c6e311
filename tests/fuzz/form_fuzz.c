// Forms: whatever comes out is UTF-8, without NUL, no longer than what went in.
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "platform/http/http_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    arena_init(&arena);
    struct slice form = slice_of((const char *)data, size);
    const char *whole = http_form_unescape(&arena, form);
    if (whole != NULL) {
        check(strlen(whole) <= size && strlen(whole) <= HTTP_FORM_VALUE_MAX);
        check(utf8_valid(slice_str(whole)));
    }
    struct slice value = http_form_find(form, "a");
    if (value.ptr != NULL && value.len > 0) {
        check(value.ptr >= form.ptr && value.ptr + value.len <= form.ptr + form.len);
    }
    arena_done(&arena);
    return 0;
}
