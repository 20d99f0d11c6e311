// Frames of blocks: what is packed is unpacked, what is no such frame is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "core/brokerlog/log_pack.h"

static struct log_packer *packer;
static struct log_unpacker *unpacker;

static int setup(void **state) {
    (void)state;
    packer = log_packer_new();
    unpacker = log_unpacker_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    log_packer_free(packer);
    log_unpacker_free(unpacker);
    return 0;
}

static enum err_code unpack(struct slice frame, struct slice *ret) {
    struct err e;
    return log_unpacker_unpack(unpacker, frame, ret, &e);
}

static void text__survives(void **state) {
    (void)state;
    const size_t sizes[] = {1, 100, 65536, LOG_BLOCK_TEXT_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = malloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) {
            text[k] = (char)(k * k >> 3);
        }
        struct slice frame = log_packer_pack(packer, slice_of(text, sizes[i]));
        struct slice got;
        assert_int_equal(unpack(frame, &got), ERR_OK);
        assert_true(slice_eq(got, slice_of(text, sizes[i])));
        free((void *)(uintptr_t)frame.ptr);
        free(text);
    }
}

static void damaged_frame__is_refused(void **state) {
    (void)state;
    struct slice got;
    assert_int_equal(unpack((struct slice){0}, &got), ERR_INVALID);
    assert_int_equal(unpack(SLICE_LIT("line 1 1\nx\n"), &got), ERR_INVALID);
    struct slice frame = log_packer_pack(packer, SLICE_LIT("line 1 1\nx\n"));
    for (size_t cut = 0; cut < frame.len; cut++) {
        assert_int_equal(unpack(slice_of(frame.ptr, cut), &got), ERR_INVALID);
    }
    char twice[256];
    memcpy(twice, frame.ptr, frame.len);
    memcpy(twice + frame.len, frame.ptr, frame.len);
    assert_int_equal(unpack(slice_of(twice, 2 * frame.len), &got), ERR_INVALID);
    assert_int_equal(unpack(frame, &got), ERR_OK);
    free((void *)(uintptr_t)frame.ptr);
}

static void frame_larger_than_a_block__is_refused(void **state) {
    (void)state;
    size_t size = LOG_BLOCK_TEXT_MAX + 1;
    char *text = calloc(1, size);
    char frame[4096];
    size_t len = ZSTD_compress(frame, sizeof frame, text, size, 3);
    assert_false(ZSTD_isError(len));
    struct slice got;
    assert_int_equal(unpack(slice_of(frame, len), &got), ERR_INVALID);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text__survives, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_frame__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(frame_larger_than_a_block__is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
