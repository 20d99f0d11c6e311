// What is written at once, what is counted, and where it ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/request/tally.h"
#include "platform/program/clock.h"

static struct tally_row row_of(const char *object) {
    return (struct tally_row){.kind = TALLY_SIGN_IN,
                              .actor_kind = "nobody",
                              .actor = "192.0.2.1",
                              .object_kind = "email",
                              .object = object};
}

static void add(struct tally *t, const char *object, int64_t now_us) {
    struct tally_row row = row_of(object);
    tally_add(t, &row, now_us);
}

// What is due, as JSON; NULL for nothing. `gone`: it was written.
static json_t *due(struct tally *t, int64_t now_us, bool gone) {
    struct buf out;
    buf_init(&out, 8 << 20);
    tally_due(t, now_us, &out);
    json_t *rows = out.len > 0 ? json_loadb(out.ptr, out.len, 0, NULL) : NULL;
    assert_true(out.len == 0 || rows != NULL);
    buf_done(&out);
    tally_written(t, gone);
    return rows;
}

static json_int_t count_of(const json_t *rows, size_t i) {
    return json_integer_value(json_object_get(json_array_get(rows, i), "count"));
}

static void first__is_due_at_once_and_repeats_after_their_minute(void **state) {
    (void)state;
    struct tally *t = tally_new();
    add(t, "a", 0);
    json_t *rows = due(t, 1, true);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(count_of(rows, 0), 1);
    json_decref(rows);
    for (int i = 1; i <= 1000; i++) {
        add(t, "a", i);
    }
    assert_null(due(t, 2000, true));
    rows = due(t, 60 * US_PER_SECOND, true);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(count_of(rows, 0), 1000);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "first_us")), 1);
    json_decref(rows);
    assert_null(due(t, 61 * US_PER_SECOND, true));
    tally_free(t);
}

static void not_written__is_due_again_with_what_came_meanwhile(void **state) {
    (void)state;
    struct tally *t = tally_new();
    add(t, "a", 0);
    json_decref(due(t, 1, false));
    add(t, "a", 2);
    json_t *rows = due(t, 3, true);
    assert_int_equal(count_of(rows, 0), 2);
    json_decref(rows);
    tally_free(t);
}

static void too_many__are_one(void **state) {
    (void)state;
    struct tally *t = tally_new();
    char name[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "a%d@b", i);
        add(t, name, 0);
    }
    struct tally_row denial = row_of("x");
    denial.kind = TALLY_DENIAL;
    tally_add(t, &denial, 0);
    json_t *rows = due(t, 1, true);
    assert_int_equal(json_array_size(rows), TALLY_REFUSED_MAX + 2);
    json_int_t all = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        all += count_of(rows, i);
    }
    assert_int_equal(all, 10001);
    json_decref(rows);
    tally_free(t);
}

static void hostile__text_is_kept_as_plain_ascii(void **state) {
    (void)state;
    struct tally *t = tally_new();
    add(t, "\xff\"\n\\u0000\xc3\xa4", 0);
    json_t *rows = due(t, 1, true);
    const char *kept = json_string_value(json_object_get(json_array_get(rows, 0), "object_id"));
    assert_string_equal(kept, "?\"?\\u0000??");
    json_decref(rows);
    tally_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first__is_due_at_once_and_repeats_after_their_minute),
        cmocka_unit_test(not_written__is_due_again_with_what_came_meanwhile),
        cmocka_unit_test(too_many__are_one),
        cmocka_unit_test(hostile__text_is_kept_as_plain_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
