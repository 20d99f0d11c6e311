#include "api/request/constraint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct err refusal(enum err_code code, const char *sqlstate, const char *constraint) {
    struct err e;
    (void)err_field(&e, code, constraint, "insert: as PostgreSQL says it");
    memcpy(e.sqlstate, sqlstate, strlen(sqlstate));
    return e;
}

static void known_constraint__names_the_field_and_keeps_the_code(void **state) {
    (void)state;
    struct err e = refusal(ERR_CONFLICT, "23505", "plan_product_id_code_key");
    constraint_explain(&e);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.field, "/code");
    assert_string_equal(e.text, "the product has a plan with this code");
    assert_string_equal(e.sqlstate, "");
}

static void unknown_constraint__stays(void **state) {
    (void)state;
    struct err e = refusal(ERR_INVALID, "23514", "document_check");
    constraint_explain(&e);
    assert_string_equal(e.field, "document_check");
    assert_string_equal(e.sqlstate, "23514");
}

static void other_error__stays_whatever_its_field(void **state) {
    (void)state;
    struct err e = refusal(ERR_INTERNAL, "XX000", "plan_product_id_code_key");
    constraint_explain(&e);
    assert_string_equal(e.field, "plan_product_id_code_key");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_constraint__names_the_field_and_keeps_the_code),
        cmocka_unit_test(unknown_constraint__stays),
        cmocka_unit_test(other_error__stays_whatever_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
