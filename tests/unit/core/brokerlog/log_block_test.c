// Blocks: what is written is read, what is damaged is refused whole, what was no block yet is read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/brokerlog/log_block.h"

static struct buf value;

static int setup(void **state) {
    (void)state;
    buf_init(&value, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_done(&value);
    return 0;
}

static void add(enum broker_record_kind kind, uint64_t offset, const char *text) {
    const struct broker_record r = {.kind = kind, .pos = {7, 1000, offset}};
    log_block_add(&value, &r, slice_str(text));
}

static void add_part(uint64_t offset, const char *text, uint64_t from, uint64_t total) {
    const struct broker_record r = {.kind = BROKER_RECORD_LINE,
                                    .pos = {7, 1000, offset},
                                    .part_from = from,
                                    .line_bytes = total};
    log_block_add(&value, &r, slice_str(text));
}

static enum err_code open_at(const char *pos, const char *prev, struct log_block *ret,
                             struct err *e) {
    const struct log_block_headers h = {
        .block = SLICE_LIT("1"), .pos = slice_str(pos), .prev = slice_str(prev)};
    *e = (struct err){0};
    return log_block_open(&h, buf_slice(&value), ret, e);
}

static void expect(struct log_block *b, enum broker_record_kind kind, const char *pos,
                   const char *text) {
    struct broker_record r;
    struct slice got;
    assert_true(log_block_next(b, &r, &got));
    char at[LOG_POSITION_TEXT_MAX];
    log_position_format(at, &r.pos);
    assert_int_equal(r.kind, kind);
    assert_string_equal(at, pos);
    assert_true(slice_eq_str(got, text));
}

static void expect_end(struct log_block *b) {
    struct broker_record r;
    struct slice got;
    assert_false(log_block_next(b, &r, &got));
}

static void block__is_text_and_survives(void **state) {
    (void)state;
    add(BROKER_RECORD_CONTROL, 0, "{}");
    add(BROKER_RECORD_LINE, 10, "[a line]");
    add(BROKER_RECORD_LINE, 19, "");
    add(BROKER_RECORD_HOLE, 0, "hole\nof two");
    add(BROKER_RECORD_DEAD, 20, "\n");
    assert_string_equal(buf_slice(&value).ptr, "control 0 2\n{}\nline 10 8\n[a line]\nline 19 0\n\n"
                                               "hole 0 11\nhole\nof two\ndead 20 1\n\n\n");
    struct log_block b;
    struct err e;
    assert_int_equal(open_at("7:1000:20", "7:900:5", &b, &e), ERR_OK);
    // A notice stands behind what came before it.
    expect(&b, BROKER_RECORD_CONTROL, "7:900:5", "{}");
    expect(&b, BROKER_RECORD_LINE, "7:1000:10", "[a line]");
    expect(&b, BROKER_RECORD_LINE, "7:1000:19", "");
    expect(&b, BROKER_RECORD_HOLE, "7:1000:19", "hole\nof two");
    expect(&b, BROKER_RECORD_DEAD, "7:1000:20", "\n");
    assert_true(b.record.has_prev);
    assert_int_equal(b.record.prev.offset, 5);
    expect_end(&b);
    expect_end(&b);
}

static void notices__stand_at_nothing_where_nothing_came(void **state) {
    (void)state;
    add(BROKER_RECORD_CONTROL, 0, "{}");
    struct log_block b;
    struct err e;
    assert_int_equal(open_at("7:0:0", "", &b, &e), ERR_OK);
    expect(&b, BROKER_RECORD_CONTROL, "7:0:0", "{}");
    assert_false(b.record.has_prev);
    expect_end(&b);
}

static void first_line_of_a_log__may_stand_at_its_beginning(void **state) {
    (void)state;
    add(BROKER_RECORD_LINE, 0, "x");
    struct log_block b;
    struct err e;
    assert_int_equal(open_at("7:1000:0", "", &b, &e), ERR_OK);
    expect(&b, BROKER_RECORD_LINE, "7:1000:0", "x");
}

static void part__stands_alone_and_says_where_it_belongs(void **state) {
    (void)state;
    add_part(10, "abc", 5, 8);
    assert_string_equal(buf_slice(&value).ptr, "line 10 3 5 8\nabc\n");
    struct log_block b;
    struct err e;
    assert_int_equal(open_at("7:1000:10", "7:900:5", &b, &e), ERR_OK);
    expect(&b, BROKER_RECORD_LINE, "7:1000:10", "abc");
    assert_int_equal(b.record.part_from, 5);
    assert_int_equal(b.record.line_bytes, 8);
    expect_end(&b);
    add(BROKER_RECORD_LINE, 20, "next");
    assert_int_equal(open_at("7:1000:20", "7:900:5", &b, &e), ERR_INVALID);
}

static void damaged_block__is_refused_whole(void **state) {
    (void)state;
    add(BROKER_RECORD_LINE, 10, "[a line]");
    add(BROKER_RECORD_LINE, 19, "{}");
    struct log_block b;
    struct err e;
    size_t len = value.len;
    for (size_t cut = 0; cut < len; cut++) {
        value.len = cut;
        assert_int_equal(open_at("7:1000:19", "", &b, &e), ERR_INVALID);
    }
    value.len = len;
    assert_int_equal(open_at("7:1000:19", "", &b, &e), ERR_OK);
    assert_int_equal(open_at("7:1000:18", "", &b, &e), ERR_INVALID); // another last position
    assert_string_equal(e.field, "pos");
    assert_int_equal(open_at("7:1000:19", "7:1000:10", &b, &e), ERR_INVALID); // not above prev
    assert_int_equal(open_at("7:1000:19", "8:1000:1", &b, &e), ERR_INVALID);  // another broker
    assert_int_equal(open_at("", "", &b, &e), ERR_INVALID);
}

static void nonsense__is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "line 10 1\nx",                         // no end
        "line 10 1\nxx\n",                      // another length
        "line 10 2\nx\n",                       // beyond the value
        "line 10 18446744073709551615\nx\n",    // beyond any value
        "line 10 99999999999999999999999\nx\n", // no number
        "line -10 1\nx\n",
        "line  10 1\nx\n",
        "line 10\nx\n",
        "line 10 1 \nx\n",
        "lime 10 1\nx\n",
        "part 10 1\nx\n",
        "line 10 1\nx\nline 10 1\nx\n", // the same place twice
        "line 11 1\nx\nline 10 1\nx\n", // backwards
        "line 10 1 0 1\nx\n",           // a part that is all
        "line 10 0 0 1\n\n",            // a part that is nothing
        "line 10 1 2 2\nx\n",           // behind the end
        "line 10 1 1\nx\n",             // a part of what?
        "line 10 1 1 67108865\nx\n",    // of a line that is too long
        "line 10 1 18446744073709551615 2\nx\n",
        "fact 10 1 0 2\nx\n", // only lines are long
    };
    struct log_block b;
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_clear(&value);
        buf_add_str(&value, bad[i]);
        assert_int_equal(open_at("7:1000:10", "", &b, &e), ERR_INVALID);
    }
    buf_clear(&value);
    buf_add_str(&value, "line 10 1\nx\n");
    assert_int_equal(open_at("7:1000:10", "", &b, &e), ERR_OK);
    const struct log_block_headers later = {.block = SLICE_LIT("2"), .pos = SLICE_LIT("7:1000:10")};
    assert_int_equal(log_block_open(&later, buf_slice(&value), &b, &e), ERR_INVALID);
    assert_string_equal(e.field, "block");
}

static void record_of_a_release_before_blocks__is_one_record(void **state) {
    (void)state;
    const struct log_block_headers h = {
        .kind = SLICE_LIT("line"), .pos = SLICE_LIT("7:1000:10"), .prev = SLICE_LIT("7:1000:3")};
    struct log_block b;
    struct err e;
    assert_int_equal(log_block_open(&h, SLICE_LIT("line 1 1\n"), &b, &e), ERR_OK);
    expect(&b, BROKER_RECORD_LINE, "7:1000:10", "line 1 1\n");
    assert_int_equal(b.record.prev.offset, 3);
    assert_int_equal(b.record.line_bytes, 0);
    expect_end(&b);
    const struct log_block_headers none = {0};
    assert_int_equal(log_block_open(&none, SLICE_LIT("x"), &b, &e), ERR_INVALID);
    assert_string_equal(e.field, "kind");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(block__is_text_and_survives),
        CASE(notices__stand_at_nothing_where_nothing_came),
        CASE(first_line_of_a_log__may_stand_at_its_beginning),
        CASE(part__stands_alone_and_says_where_it_belongs),
        CASE(damaged_block__is_refused_whole),
        CASE(nonsense__is_refused),
        CASE(record_of_a_release_before_blocks__is_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
