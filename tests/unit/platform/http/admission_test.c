// Who gets in, and who leaves for it.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/http/admission.h"

enum { ROOM = 16, PER_ADDRESS = 4, BYTES = 1 << 20, BYTES_PER_ADDRESS = 256 << 10 };

static struct admission room;
static struct admission_guest guests[2 * ROOM];

static int open_room(void **state) {
    (void)state;
    const struct admission_limits limits = {ROOM, PER_ADDRESS, BYTES, BYTES_PER_ADDRESS};
    memset(&room, 0, sizeof room);
    memset(guests, 0, sizeof guests);
    admission_init(&room, &limits);
    return 0;
}

static int close_room(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
        if (guests[i].address != NULL) {
            admission_leave(&room, &guests[i]);
        }
    }
    assert_int_equal(room.connections, 0);
    assert_int_equal(room.working, 0);
    assert_int_equal(room.bytes, 0);
    assert_null(room.first);
    assert_null(room.last);
    for (size_t i = 0; i < ADMISSION_BUCKETS; i++) {
        assert_null(room.addresses[i]);
    }
    return 0;
}

static struct admission_key key(unsigned n) {
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(n)};
    return admission_key_of((const struct sockaddr *)&v4);
}

static struct admission_guest *enter(size_t i, unsigned address) {
    admission_enter(&room, &guests[i], key(address), 0);
    return &guests[i];
}

static void fill(unsigned addresses) {
    for (size_t i = 0; i < ROOM; i++) {
        (void)enter(i, (unsigned)i % addresses);
    }
}

static void ask__replaces_who_waited_longest_when_it_is_full(void **state) {
    (void)state;
    struct admission_guest *leaves = NULL;
    assert_int_equal(admission_ask(&room, key(1), &leaves), ADMISSION_ENTERS);
    fill(ROOM);
    assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_REPLACES);
    assert_ptr_equal(leaves, &guests[0]);
    // What just ended its work waits anew.
    assert_true(admission_work(&room, &guests[0], false));
    admission_wait(&room, &guests[0], 0, 0);
    assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_REPLACES);
    assert_ptr_equal(leaves, &guests[1]);
    admission_dismiss(&room, leaves);
    assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_ENTERS);
    assert_null(leaves);
}

static void ask__spares_who_came_alone(void **state) {
    (void)state;
    struct admission_guest *leaves = NULL;
    (void)enter(0, 77);
    for (size_t i = 1; i < ROOM; i++) {
        (void)enter(i, (unsigned)i % 5);
    }
    for (size_t i = 1; i < ROOM - 5; i++) { // a crowd of five addresses, again and again
        assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_REPLACES);
        assert_ptr_not_equal(leaves, &guests[0]);
        admission_dismiss(&room, leaves);
        (void)enter(ROOM + i, 100 + (unsigned)i % 3);
    }
}

static void ask__never_replaces_who_is_worked_for(void **state) {
    (void)state;
    struct admission_guest *leaves = NULL;
    fill(ROOM);
    for (size_t i = 0; i < ROOM; i++) {
        assert_true(admission_open(&room));
        assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_REPLACES);
        assert_true(admission_work(&room, &guests[i], true));
    }
    assert_false(admission_open(&room));
    admission_wait(&room, &guests[3], 0, 0);
    assert_true(admission_open(&room));
    assert_int_equal(admission_ask(&room, key(99), &leaves), ADMISSION_REPLACES);
    assert_ptr_equal(leaves, &guests[3]);
}

static void ask__holds_an_address_to_its_places(void **state) {
    (void)state;
    struct admission_guest *leaves = NULL;
    (void)enter(0, 7);
    for (size_t i = 1; i <= PER_ADDRESS; i++) {
        (void)enter(i, 1);
    }
    assert_int_equal(admission_ask(&room, key(1), &leaves), ADMISSION_REPLACES_ITS_OWN);
    assert_ptr_equal(leaves, &guests[1]);
    assert_int_equal(admission_ask(&room, key(7), &leaves), ADMISSION_ENTERS);
    for (size_t i = 1; i <= PER_ADDRESS; i++) {
        assert_true(admission_work(&room, &guests[i], false));
    }
    assert_int_equal(admission_ask(&room, key(1), &leaves), ADMISSION_REFUSED);
    assert_null(leaves);
}

static void work__keeps_a_share_for_what_is_privileged(void **state) {
    (void)state;
    fill(ROOM);
    size_t share = ROOM - ROOM / ADMISSION_KEPT_SHARE;
    for (size_t i = 0; i < share; i++) {
        assert_true(admission_work(&room, &guests[i], false));
    }
    assert_false(admission_work(&room, &guests[share], false));
    for (size_t i = share; i < ROOM; i++) {
        assert_true(admission_work(&room, &guests[i], true));
    }
    admission_wait(&room, &guests[0], 0, 0);
    assert_true(admission_work(&room, &guests[0], false));
    admission_leave(&room, &guests[1]);
    assert_true(enter(ROOM, 99)->waits);
    assert_true(admission_work(&room, &guests[ROOM], false));
}

static void work__is_refused_to_who_must_leave(void **state) {
    (void)state;
    struct admission_guest *guest = enter(0, 1);
    admission_dismiss(&room, guest);
    assert_false(admission_work(&room, guest, true));
    admission_wait(&room, guest, 1000, 0); // its refusal on the way
    assert_false(guest->waits);
    assert_int_equal(room.bytes, 0);
    admission_leave(&room, guest);
}

static void too_heavy__finds_who_waits_longest_with_much(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        admission_wait(&room, enter(i, 1), i == 0 ? 100 : BYTES_PER_ADDRESS / 2, 0);
    }
    admission_wait(&room, enter(3, 2), BYTES_PER_ADDRESS, 0);
    assert_null(admission_too_heavy(&room, &guests[3]));
    assert_ptr_equal(admission_too_heavy(&room, &guests[1]), &guests[1]);
    admission_dismiss(&room, &guests[1]);
    assert_null(admission_too_heavy(&room, &guests[2]));
    // In all: anybody's.
    admission_weigh(&room, &guests[3], BYTES);
    assert_ptr_equal(admission_too_heavy(&room, &guests[0]), &guests[2]);
    // One that is worked for can't leave, and is too heavy nevertheless.
    assert_true(admission_work(&room, &guests[3], true));
    admission_dismiss(&room, &guests[2]);
    admission_weigh(&room, &guests[3], BYTES + 1);
    assert_null(admission_too_heavy(&room, &guests[3]));
    assert_true(admission_is_heavy(&room, &guests[3]));
}

static void bears__a_privileged_request_whatever_others_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(admission_work(&room, enter(i, (unsigned)i), i == 0));
    }
    admission_weigh(&room, &guests[2], BYTES + 1);
    assert_true(admission_bears(&room, &guests[0]));
    assert_false(admission_bears(&room, &guests[1]));
    admission_weigh(&room, &guests[2], BYTES_PER_ADDRESS + 1);
    assert_true(admission_bears(&room, &guests[1]));
    assert_false(admission_bears(&room, &guests[2]));
}

static struct admission_key key_of_text(const char *text) {
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return admission_key_of((const struct sockaddr *)&v6);
}

static bool same(struct admission_key a, struct admission_key b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void key_of__takes_a_customer_for_one(void **state) {
    (void)state;
    assert_true(same(key_of_text("2001:db8:1:2::1"), key_of_text("2001:db8:1:2:ffff::9")));
    assert_false(same(key_of_text("2001:db8:1:2::1"), key_of_text("2001:db8:1:3::1")));
    assert_true(same(key_of_text("::ffff:1.2.3.4"), key(0x01020304)));
    assert_false(same(key(0x01020304), key(0x01020305)));
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_ROOM(ask__replaces_who_waited_longest_when_it_is_full),
        IN_ROOM(ask__spares_who_came_alone),
        IN_ROOM(ask__never_replaces_who_is_worked_for),
        IN_ROOM(ask__holds_an_address_to_its_places),
        IN_ROOM(work__keeps_a_share_for_what_is_privileged),
        IN_ROOM(work__is_refused_to_who_must_leave),
        IN_ROOM(too_heavy__finds_who_waits_longest_with_much),
        IN_ROOM(bears__a_privileged_request_whatever_others_hold),
        cmocka_unit_test(key_of__takes_a_customer_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
