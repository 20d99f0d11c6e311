// The chart of accounts, and which sums become transfers of their own.
#include "core/billing/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char SCHEMA[] = "migrations/schema.expected";

// The line of the schema that lists the codes; the caller frees it.
static char *read_constraint(void) {
    FILE *f = fopen(SCHEMA, "re");
    assert_non_null(f);
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    while (!found && getline(&line, &size, f) >= 0) {
        found = strstr(line, "CONSTRAINT ledger_account_code_check") != NULL;
    }
    (void)fclose(f);
    assert_true(found);
    return line;
}

static void chart__is_what_the_database_takes(void **state) {
    (void)state;
    char *constraint = read_constraint();
    size_t listed = 0;
    for (const char *at = constraint; (at = strstr(at, "'::text")) != NULL; at++) {
        listed++;
    }
    assert_int_equal(listed, LEDGER_ACCOUNT_KINDS);
    for (int kind = 0; kind < LEDGER_ACCOUNT_KINDS; kind++) {
        char quoted[64];
        (void)snprintf(quoted, sizeof quoted, "'%s'::text", ledger_account_type(kind)->code);
        assert_non_null(strstr(constraint, quoted));
    }
    free(constraint);
}

// Shares are summed per account and owner; every tax is posted for itself.
static void taxes__are_transfers_of_their_own(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct share_part parts[] = {
        {.party = SHARE_OPERATOR, .amount = decimal_from_i64(2)},
        {.party = SHARE_PROVIDER, .amount = decimal_from_i64(8)},
    };
    struct document_source source = {.provider = "org_a"};
    struct document_line lines[] = {
        {.line = 1, .net = decimal_from_i64(10), .parts = parts, .part_count = 2},
        {.line = 2, .net = decimal_from_i64(10), .parts = parts, .part_count = 2},
    };
    struct document_tax taxes[] = {
        {.category = "S", .amount = decimal_from_i64(1)},
        {.category = "S", .amount = decimal_from_i64(3)},
        {.category = "Z", .amount = decimal_from_i64(0)},
    };
    struct document d = {.currency = currency_find(slice_str("EUR")),
                         .sources = &source,
                         .lines = lines,
                         .line_count = 2,
                         .taxes = taxes,
                         .tax_count = 3};
    struct ledger_transfer *t = NULL;
    size_t n = 0;
    ledger_invoice_issued(&a, &d, "customer", &t, &n);
    static const struct {
        enum ledger_account_kind kind;
        const char *owner;
        int64_t amount;
    } expected[] = {{LEDGER_COMMISSION, "", 4},
                    {LEDGER_PROVIDER_PENDING, "org_a", 16},
                    {LEDGER_OUTPUT_TAX, "", 1},
                    {LEDGER_OUTPUT_TAX, "", 3}};
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(t[i].debit.kind, LEDGER_RECEIVABLE);
        assert_string_equal(t[i].debit.owner, "customer");
        assert_int_equal(t[i].credit.kind, expected[i].kind);
        assert_string_equal(t[i].credit.owner, expected[i].owner);
        assert_true(decimal_equal(t[i].amount, decimal_from_i64(expected[i].amount)));
        bool own = ledger_account_type(t[i].credit.kind)->owner == LEDGER_OF_OPERATOR;
        assert_int_equal(own, t[i].credit.owner[0] == '\0');
    }
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chart__is_what_the_database_takes),
        cmocka_unit_test(taxes__are_transfers_of_their_own),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
