#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rating/metering_class.h"

static void is_weaker__orders_the_classes(void **state) {
    (void)state;
    static const char *const FROM_WEAKEST[] = {"hearsay", "committed", "reported", "request_log"};
    for (int x = 0; x < 4; x++) {
        for (int y = 0; y < 4; y++) {
            assert_int_equal(metering_class_is_weaker(FROM_WEAKEST[x], FROM_WEAKEST[y]), x < y);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_weaker__orders_the_classes),
    };
    return cmocka_run_group_tests_name("metering_class", tests, NULL, NULL);
}
