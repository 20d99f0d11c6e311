// Usage from and to JSON; the figures of lines are compared in rating_golden_test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rating/rating_json.h"

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static enum err_code parse(const char *rows, struct rating_input *ret, struct err *e) {
    static const struct plan PLAN = {.plan_id = "p"};
    const char *text = arena_printf(&arena,
                                    "{\"period\":{\"from\":\"2027-06-01T00:00:00+02:00\",\"to\":"
                                    "\"2027-07-01T00:00:00+02:00\",\"zone\":\"Europe/Berlin\"},"
                                    "\"usage\":[%s]}",
                                    rows);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    enum err_code code = rating_input_parse(&arena, &PLAN, json, ret, e);
    json_decref(json);
    return code;
}

static void usage__members_without_a_meaning_are_dimensions(void **state) {
    (void)state;
    struct rating_input in = {0};
    assert_int_equal(parse("{\"topic\":\"a\",\"quantity\":\"7\",\"region\":\"eu\",\"metric\":"
                           "\"bytes\",\"note\":null,\"delivery\":\"fresh\",\"bucket\":null,"
                           "\"at\":\"2027-06-09T00:00:00Z\"},"
                           "{\"metric\":\"messages\",\"quantity\":\"1\"}",
                           &in, NULL),
                     ERR_OK);
    assert_int_equal(in.usage_count, 2);
    const struct rating_usage *u = &in.usage[0];
    assert_int_equal(u->dimension_count, 3);
    assert_string_equal(u->dimensions[0].name, "delivery"); // in the order of names
    assert_string_equal(u->dimensions[1].name, "region");
    assert_string_equal(u->dimensions[2].name, "topic");
    assert_string_equal(rating_usage_value(u, "topic"), "a");
    assert_null(rating_usage_value(u, "note"));
    assert_null(u->bucket);
    assert_int_equal(in.usage[1].dimension_count, 0);
}

static void usage__is_written_as_it_is_read(void **state) {
    (void)state;
    static const char ROWS[] =
        "[{\"metric\":\"bytes\",\"delivery\":\"replay\",\"region\":\"eu\",\"quantity\":"
        "\"340282366920938463463374607431768211455\"},{\"metric\":\"fetches\",\"quantity\":\"0\"}]";
    struct rating_input in = {0};
    const char *inner = arena_str(&arena, slice_of(ROWS + 1, sizeof ROWS - 3));
    assert_int_equal(parse(inner, &in, NULL), ERR_OK);
    json_t *json = rating_usage_json(&arena, in.usage, in.usage_count);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, ROWS);
    free(text);
    json_decref(json);
}

static void usage__refuses_what_no_dimension_can_be(void **state) {
    (void)state;
    static const struct {
        const char *member, *field;
    } BAD[] = {
        {"\"delivery\":\"late\"", "/usage/0/delivery"},
        {"\"delivery\":\"\"", "/usage/0/delivery"},
        {"\"region\":5", "/usage/0/region"},
        {"\"region\":{}", "/usage/0/region"},
        {"\"bucket\":\"night\"", "/usage/0/bucket"},
        {"\"op\":\"remove\"", "/usage/0/op"},
    };
    struct rating_input in = {0};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct err e = {0};
        const char *row =
            arena_printf(&arena, "{\"metric\":\"bytes\",\"quantity\":\"1\",%s}", BAD[i].member);
        assert_int_equal(parse(row, &in, &e), ERR_INVALID);
        assert_string_equal(e.field, BAD[i].field);
    }
    assert_null(in.usage);
}

static void usage__dimensions_have_a_maximum(void **state) {
    (void)state;
    const char *row = "{\"metric\":\"bytes\",\"quantity\":\"1\"";
    for (int i = 0; i < RATING_DIMENSIONS_MAX; i++) {
        row = arena_printf(&arena, "%s,\"d%d\":\"x\"", row, i);
    }
    struct rating_input in = {0};
    struct err e = {0};
    assert_int_equal(parse(arena_printf(&arena, "%s}", row), &in, &e), ERR_OK);
    assert_int_equal(in.usage[0].dimension_count, RATING_DIMENSIONS_MAX);
    assert_int_equal(parse(arena_printf(&arena, "%s,\"e\":\"x\"}", row), &in, &e), ERR_INVALID);
    assert_string_equal(e.field, "/usage/0/e");
    char longer[RATING_DIMENSION_VALUE_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    row = "{\"metric\":\"bytes\",\"quantity\":\"1\"";
    assert_int_equal(parse(arena_printf(&arena, "%s,\"d\":\"%s\"}", row, longer), &in, &e),
                     ERR_INVALID);
    assert_int_equal(parse(arena_printf(&arena, "%s,\"d\":\"%s\"}", row, longer + 1), &in, &e),
                     ERR_OK);
    longer[RATING_DIMENSION_NAME_MAX + 1] = '\0';
    assert_int_equal(parse(arena_printf(&arena, "%s,\"%s\":\"x\"}", row, longer), &in, &e),
                     ERR_INVALID);
    assert_int_equal(parse(arena_printf(&arena, "%s,\"%s\":\"x\"}", row, longer + 1), &in, &e),
                     ERR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage__members_without_a_meaning_are_dimensions),
        cmocka_unit_test(usage__is_written_as_it_is_read),
        cmocka_unit_test(usage__refuses_what_no_dimension_can_be),
        cmocka_unit_test(usage__dimensions_have_a_maximum),
    };
    return cmocka_run_group_tests_name("rating_json", tests, setup, teardown);
}
