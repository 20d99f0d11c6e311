#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter/pace.h"

static void pace__waits_for_thin_batches_only(void **state) {
    (void)state;
    assert_int_equal(pace_due_ms(0, 1000, 5, 5), 1000);
    assert_int_equal(pace_due_ms(999, 1000, 5, 5), 1);
    assert_int_equal(pace_due_ms(1000, 1000, 5, 5), 0);
    assert_int_equal(pace_due_ms(1000, 1000, 20000, 20000), 0); // not more than 20,000 rows
    assert_int_equal(pace_due_ms(1000, 1000, 20001, 20001), 14000);
    assert_int_equal(pace_due_ms(1000, 1000, 20001, 20001 * 25), 0); // 25 lines each pay for it
    assert_int_equal(pace_due_ms(1000, 1000, 20001, 20001 * 25 - 1), 14000);
    assert_int_equal(pace_due_ms(15000, 1000, 20001, 20001), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pace__waits_for_thin_batches_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
