#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "platform/http/problem.h"

static json_t *rendered(enum problem_kind kind, const struct err *e) {
    struct buf out;
    buf_init(&out, PROBLEM_TEXT_MAX);
    problem_render(&out, kind, e, "r-1");
    assert_false(out.overflow);
    json_t *object = json_loadb(out.ptr, out.len, 0, NULL);
    assert_non_null(object);
    buf_done(&out);
    return object;
}

static const char *text(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static void render__has_every_member_of_the_error(void **state) {
    (void)state;
    struct err e;
    err_field(&e, ERR_INVALID, "/plan/\"x\"", "must be \"a\"");
    err_hint(&e, "try b");
    json_t *p = rendered(PROBLEM_INVALID, &e);
    assert_string_equal(text(p, "type"), "/problems/invalid");
    assert_int_equal(json_integer_value(json_object_get(p, "status")), 400);
    assert_string_equal(text(p, "detail"), "must be \"a\"");
    assert_string_equal(text(p, "field"), "/plan/\"x\"");
    assert_string_equal(text(p, "hint"), "try b");
    assert_string_equal(text(p, "request_id"), "r-1");
    json_decref(p);
}

static void render__the_longest_error_fits(void **state) {
    (void)state;
    struct err e;
    char full[ERR_TEXT_MAX];
    memset(full, '"', sizeof full);
    full[sizeof full - 1] = '\0';
    err_field(&e, ERR_INVALID, full, "%s", full);
    err_hint(&e, "%s", full);
    json_decref(rendered(PROBLEM_VERSION_MISMATCH, &e));
}

static void kinds__are_named_and_have_a_fitting_status(void **state) {
    (void)state;
    for (int k = 0; k < PROBLEM_KINDS; k++) {
        json_t *p = rendered((enum problem_kind)k, NULL);
        assert_true(strlen(text(p, "type")) > strlen("/problems/"));
        assert_int_equal(json_integer_value(json_object_get(p, "status")),
                         problem_status((enum problem_kind)k));
        assert_in_range(problem_status((enum problem_kind)k), 400, 503);
        for (int other = 0; other < k; other++) {
            json_t *o = rendered((enum problem_kind)other, NULL);
            assert_string_not_equal(text(o, "type"), text(p, "type"));
            json_decref(o);
        }
        json_decref(p);
    }
    assert_int_equal(problem_of(ERR_NOT_FOUND), PROBLEM_NOT_FOUND);
    assert_int_equal(problem_of(ERR_UNAVAILABLE), PROBLEM_UNAVAILABLE);
    assert_int_equal(problem_of(ERR_IO), PROBLEM_INTERNAL);
}

static struct err sql_error(enum err_code code, const char *sqlstate, const char *constraint) {
    struct err e;
    err_field(&e, code, constraint, "relation \"person\" and other inner words");
    memcpy(e.sqlstate, sqlstate, sizeof e.sqlstate);
    problem_censor(&e);
    return e;
}

static void censor__hides_the_words_of_the_database(void **state) {
    (void)state;
    struct err e = sql_error(ERR_CONFLICT, "23505", "person_email_key");
    assert_null(strstr(e.text, "relation"));
    assert_non_null(strstr(e.text, "person_email_key"));
    e = sql_error(ERR_INTERNAL, "42P01", "");
    assert_null(strstr(e.text, "relation"));
    e = sql_error(ERR_INVALID, "22P02", "");
    assert_null(strstr(e.text, "relation"));
    e = sql_error(ERR_UNAVAILABLE, "57P01", "");
    assert_null(strstr(e.text, "relation"));
}

static void censor__keeps_what_was_written_for_the_caller(void **state) {
    (void)state;
    struct err e;
    err_set(&e, ERR_CONFLICT, "the product is retired");
    memcpy(e.sqlstate, "WC000", sizeof e.sqlstate);
    problem_censor(&e);
    assert_string_equal(e.text, "the product is retired");
    err_set(&e, ERR_INVALID, "name is required");
    problem_censor(&e);
    assert_string_equal(e.text, "name is required");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render__has_every_member_of_the_error),
        cmocka_unit_test(render__the_longest_error_fits),
        cmocka_unit_test(kinds__are_named_and_have_a_fitting_status),
        cmocka_unit_test(censor__hides_the_words_of_the_database),
        cmocka_unit_test(censor__keeps_what_was_written_for_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
