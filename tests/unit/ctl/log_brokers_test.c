// Files of one broker are known by the addresses they share, whichever comes first in each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <unistd.h>

#include "ctl/log_brokers.h"

enum { FILES = 6, PATH_LEN = 64 };

static char folder[] = "/tmp/weir-log-brokers-XXXXXX";

static void write_file(char *path, int number, const char *const *addresses) {
    snprintf(path, PATH_LEN, "%s/%d", folder, number);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *addresses != NULL; addresses++) {
        fprintf(file,
                "[2026-11-28 10:00:00,000] DEBUG Completed request:{\"request\":{\"clientId\":"
                "\"\\\"connection\\\":\\\"9.9.9.9:9-\"},\"connection\":\"%s-10.0.0.9:4242-0-1\"} "
                "(kafka.request.logger)\n",
                *addresses);
    }
    fclose(file);
}

static void files__are_joined_by_any_address_they_share(void **state) {
    (void)state;
    static const char *const ADDRESSES[FILES][3] = {
        {"b1:9093"}, {"b2:9092"}, {"b1:9092", "b1:9094"}, {"b1:9093", "b1:9092"},
        {"b2:9092"}, {NULL},
    };
    char names[FILES][PATH_LEN];
    char *paths[FILES + 1];
    int32_t brokers[FILES + 1];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < FILES; i++) {
        write_file(names[i], i, ADDRESSES[i]);
        paths[i] = names[i];
    }
    static char standard_input[] = "-";
    paths[FILES] = standard_input;
    log_brokers_find(paths, FILES + 1, brokers);
    static const int32_t EXPECTED[FILES + 1] = {0, 1, 0, 0, 1, -1, -1};
    for (int i = 0; i <= FILES; i++) {
        assert_int_equal(brokers[i], EXPECTED[i]);
        if (i < FILES) {
            unlink(names[i]);
        }
    }
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files__are_joined_by_any_address_they_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
