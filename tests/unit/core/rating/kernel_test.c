// What holds for every kernel in the list; their figures are compared in rating_golden_test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rating/kernel.h"

// One of each kernel; a new one is added here, or every_kernel__is_tried fails.
static const char *const EXAMPLES[] = {
    "{\"type\":\"flat\",\"flat_amount\":\"5\"}",
    "{\"type\":\"per_unit\",\"unit_amount\":\"0.25\"}",
    "{\"type\":\"graduated\",\"tiers\":[{\"up_to\":\"10\",\"unit_amount\":\"1\",\"flat_amount\":"
    "\"2\"},{\"up_to\":\"20\",\"unit_amount\":\"0.5\"},{\"up_to\":null,\"package_size\":\"3\","
    "\"package_amount\":\"1\"}]}",
    "{\"type\":\"volume\",\"tiers\":[{\"up_to\":\"10\",\"unit_amount\":\"1\",\"flat_amount\":\"2\"}"
    ",{\"up_to\":null,\"unit_amount\":\"0.5\"}]}",
    "{\"type\":\"package\",\"package_size\":\"4\",\"package_amount\":\"3\"}",
};
enum { EXAMPLE_COUNT = sizeof EXAMPLES / sizeof *EXAMPLES, ROWS_MAX = 8 };

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

static enum err_code parse(const char *text, struct plan_kernel *ret, struct err *e) {
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    struct json_read r = {.arena = &arena, .e = e};
    struct json_node root = json_node_root(&r, json, "");
    *ret = kernel_parse(&root);
    json_decref(json);
    return r.code;
}

static struct plan_kernel kernel_of(const char *text) {
    struct plan_kernel k;
    struct err e = {0};
    if (parse(text, &k, &e) != ERR_OK) {
        fail_msg("%s: %s", e.field, e.text);
    }
    return k;
}

static struct decimal num(const char *text) {
    struct decimal d = {0};
    assert_int_equal(decimal_parse(slice_str(text), &d, NULL), ERR_OK);
    return d;
}

static size_t rows_at(const struct plan_kernel *k, const char *q, struct rating_row *rows) {
    struct kernel_input in = {.quantity = num(q), .days = {12, 30}, .prorated = true};
    size_t room = kernel_rows_max(k, &in);
    assert_true(room >= 1 && room <= ROWS_MAX);
    size_t n = kernel_rows(&arena, k, &in, rows);
    assert_true(n <= room);
    return n;
}

static void expect_cost(const char *kernel, const char *q, const char *cost) {
    struct plan_kernel k = kernel_of(kernel);
    struct rating_row rows[ROWS_MAX];
    size_t n = rows_at(&k, q, rows);
    struct decimal sum = decimal_from_i64(0);
    for (size_t i = 0; i < n; i++) {
        sum = decimal_add(&arena, sum, rows[i].amount);
    }
    if (!decimal_equal(sum, num(cost))) {
        fail_msg("%s at %s costs %s", kernel, q, decimal_text(&arena, sum, 0, NULL));
    }
}

static void every_kernel__is_tried(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        assert_ptr_equal(kernel_of(EXAMPLES[i]).type, kernel_list[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(kernel_list[k]->name, kernel_list[i]->name);
        }
    }
    assert_null(kernel_list[EXAMPLE_COUNT]);
}

static void every_kernel__refuses_a_member_it_does_not_know(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        struct plan_kernel k;
        struct err e = {0};
        const char *text = arena_printf(&arena, "{\"color\":\"red\",%s", EXAMPLES[i] + 1);
        assert_int_equal(parse(text, &k, &e), ERR_INVALID);
        assert_string_equal(e.field, "/color");
        assert_null(k.terms);
    }
}

static void every_kernel__has_a_row_for_each_unit(void **state) {
    (void)state;
    static const char *const QUANTITIES[] = {"0.5", "10", "10.001", "20", "21", "4000"};
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        struct plan_kernel k = kernel_of(EXAMPLES[i]);
        for (size_t q = 0; k.type->takes_usage && q < 6; q++) {
            struct rating_row rows[ROWS_MAX];
            size_t n = rows_at(&k, QUANTITIES[q], rows);
            struct decimal sum = decimal_from_i64(0);
            for (size_t r = 0; r < n; r++) {
                assert_int_equal(rows[r].reason, RATING_BILLED);
                sum = decimal_add(&arena, sum, rows[r].quantity);
            }
            assert_true(decimal_equal(sum, num(QUANTITIES[q])));
        }
    }
}

static void zero_usage__costs_the_first_flat_fee_unless_said_otherwise(void **state) {
    (void)state;
    static const char *const TIERED[] = {"graduated", "volume"};
    for (size_t i = 0; i < 2; i++) {
        static const char REST[] = "\"tiers\":[{\"up_to\":null,\"unit_amount\":\"1\","
                                   "\"flat_amount\":\"2\"}]}";
        const char *yes = arena_printf(&arena, "{\"type\":\"%s\",%s", TIERED[i], REST);
        const char *no =
            arena_printf(&arena, "{\"type\":\"%s\",\"zero_usage_flat\":false,%s", TIERED[i], REST);
        expect_cost(yes, "0", "2");
        expect_cost(no, "0", "0");
        expect_cost(no, "1", "3");
    }
}

static void a_row_of_nothing__is_left_out(void **state) {
    (void)state;
    struct rating_row rows[ROWS_MAX];
    struct plan_kernel per_unit = kernel_of(EXAMPLES[1]);
    assert_int_equal(rows_at(&per_unit, "0", rows), 0);
    struct plan_kernel free_fee = kernel_of("{\"type\":\"flat\",\"flat_amount\":\"0\"}");
    assert_int_equal(rows_at(&free_fee, "0", rows), 0);
}

static void a_fee__is_due_for_the_days_served(void **state) {
    (void)state;
    expect_cost(EXAMPLES[0], "0", "2"); // 5 * 12 / 30
    struct plan_kernel k = kernel_of(EXAMPLES[0]);
    assert_int_equal(kernel_kind(&k), RATING_FIXED);
    struct kernel_input whole = {.days = {12, 30}};
    struct rating_row row;
    assert_int_equal(kernel_rows(&arena, &k, &whole, &row), 1);
    assert_true(decimal_equal(row.amount, num("5")));
}

static void a_type__that_is_none_names_those_that_are(void **state) {
    (void)state;
    struct plan_kernel k;
    struct err e = {0};
    assert_int_equal(parse("{\"type\":\"stairstep\"}", &k, &e), ERR_INVALID);
    assert_string_equal(e.field, "/type");
    assert_string_equal(e.text, "kernel stairstep is not supported yet");
    assert_string_equal(e.hint, "flat, per_unit, graduated, volume and package are");
    assert_int_equal(parse("{\"type\":\"Flat\"}", &k, &e), ERR_INVALID);
    assert_string_equal(e.hint, "one of: flat per_unit graduated volume package");
    static const char *const BAD[] = {"{\"type\":7}", "{\"type\":null}", "{}", "[]", "null"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(parse(BAD[i], &k, &e), ERR_INVALID);
        assert_null(k.type);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel__is_tried),
        cmocka_unit_test(every_kernel__refuses_a_member_it_does_not_know),
        cmocka_unit_test(every_kernel__has_a_row_for_each_unit),
        cmocka_unit_test(zero_usage__costs_the_first_flat_fee_unless_said_otherwise),
        cmocka_unit_test(a_row_of_nothing__is_left_out),
        cmocka_unit_test(a_fee__is_due_for_the_days_served),
        cmocka_unit_test(a_type__that_is_none_names_those_that_are),
    };
    return cmocka_run_group_tests_name("kernel", tests, setup, teardown);
}
