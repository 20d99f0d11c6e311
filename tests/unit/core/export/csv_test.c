// Cells that a spreadsheet must not run, cells that need quotes, and numbers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/export/csv.h"

static const struct {
    const char *value;
    const char *cell;
} CASES[] = {
    {"", ""},
    {"Fee", "Fee"},
    {"Größe", "Größe"},
    // Numbers stay numbers.
    {"0", "0"},
    {"-12", "-12"},
    {"-0.30", "-0.30"},
    {"340282366920938463463374607431768211455", "340282366920938463463374607431768211455"},
    // What only looks like one.
    {"-1-1", "\"'-1-1\""},
    {"-1.2.3", "\"'-1.2.3\""},
    {"-", "\"'-\""},
    {"-.", "\"'-.\""},
    {"+49 30", "\"'+49 30\""},
    {"1e3", "1e3"},
    // Formulas.
    {"=1+1", "\"'=1+1\""},
    {"@SUM(A1)", "\"'@SUM(A1)\""},
    {"\tx", "\"'\tx\""},
    {"\rx", "\"'\rx\""},
    // Behind what programs skip.
    {"\n=1", "\"'\n=1\""},
    {"  =1", "\"'  =1\""},
    {"\x01=1", "\"'\x01=1\""},
    {"\x7f=1", "\"'\x7f=1\""},
    {"\xef\xbb\xbf=1", "\"'\xef\xbb\xbf=1\""},
    {"\xc2\xa0=1", "\"'\xc2\xa0=1\""},
    {"\xc2\x85=1", "\"'\xc2\x85=1\""},
    {"\xe2\x80\x8b=1", "\"'\xe2\x80\x8b=1\""},
    {"\xe2\x80\xae=1", "\"'\xe2\x80\xae=1\""},
    {"\xe3\x80\x80 \n=1", "\"'\xe3\x80\x80 \n=1\""},
    // In full width, and other signs that become plain ones.
    {"\xef\xbc\x9d"
     "1",
     "\"'\xef\xbc\x9d"
     "1\""},
    {"\xef\xbc\x8b"
     "1",
     "\"'\xef\xbc\x8b"
     "1\""},
    {"\xef\xbc\x8d"
     "1",
     "\"'\xef\xbc\x8d"
     "1\""},
    {"\xef\xbc\xa0"
     "x",
     "\"'\xef\xbc\xa0"
     "x\""},
    {"\xe2\x88\x92"
     "1",
     "\"'\xe2\x88\x92"
     "1\""},
    // Behind a separator of another locale.
    {"x;=HYPERLINK(\"http://x\")", "\"x;'=HYPERLINK(\"\"http://x\"\")\""},
    {"x,=1", "\"x,'=1\""},
    {"x\t=1", "\"x\t'=1\""},
    {"x|=1", "\"x|'=1\""},
    {"x; \xef\xbc\x9d"
     "1",
     "\"x;' \xef\xbc\x9d"
     "1\""},
    {"x;y;-z", "\"x;y;'-z\""},
    // Quotes and no apostrophe.
    {"a,b", "\"a,b\""},
    {"a;b", "\"a;b\""},
    {"a\tb", "\"a\tb\""},
    {"say \"hi\"", "\"say \"\"hi\"\"\""},
    {"two\r\n- lines", "\"two\r\n- lines\""},
    {" x", "\" x\""},
    {"x ", "\"x \""},
    {"a=b", "a=b"},
    {"a-b", "a-b"},
};

static void cells__stay_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct buf out;
        buf_init(&out, 1024);
        csv_add_cell(&out, slice_str(CASES[i].value));
        assert_string_equal(out.ptr == NULL ? "" : out.ptr, CASES[i].cell);
        buf_done(&out);
    }
}

static void cells__with_zero_bytes_and_broken_utf8_end(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    csv_add_cell(&out, slice_of("\0=1", 3));
    csv_add_cell(&out, slice_of("\xe2\x80", 2));
    csv_add_cell(&out, slice_of("\xc2", 1));
    assert_int_equal(out.len, 3 + 3 + 2 + 1);
    buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells__stay_text),
        cmocka_unit_test(cells__with_zero_bytes_and_broken_utf8_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
