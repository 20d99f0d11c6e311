#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/hash_table.h"

static void hash__never_changes(void **state) {
    (void)state;
    // States in the database and evidence of who was seen where hold these.
    assert_int_equal(hash_bytes("", 0, 0), 0);
    assert_true(hash_bytes("127.0.0.1:19094-127.0.0.1:20000-0-0", 35, 0) == 0xc6d1d1765ceada1eULL);
    assert_true(hash_bytes("reader-0", 8, 13) == 0xe36846a1c99b94d8ULL);
}

static void table__agrees_with_an_array(void **state) {
    (void)state;
    enum { KEYS = 512 };
    bool there[KEYS] = {false};
    uint32_t value[KEYS] = {0};
    size_t count = 0;
    struct hash_table t;
    hash_table_init(&t);
    uint64_t random = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        random = hash_mix(random + i);
        uint32_t key = random % KEYS;
        if (random >> 60 < 6) {
            count -= there[key];
            there[key] = false;
            hash_table_remove(&t, key);
        } else {
            count += !there[key];
            there[key] = true;
            value[key] = i;
            hash_table_put(&t, key, i);
        }
        assert_int_equal(t.count, count);
        uint32_t asked = (random >> 32) % KEYS;
        uint32_t found;
        assert_int_equal(hash_table_get(&t, asked, &found), there[asked]);
        assert_true(!there[asked] || found == value[asked]);
    }
    hash_table_clear(&t);
    uint32_t found;
    for (uint32_t key = 0; key < KEYS; key++) {
        assert_false(hash_table_get(&t, key, &found));
    }
    hash_table_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash__never_changes),
        cmocka_unit_test(table__agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
