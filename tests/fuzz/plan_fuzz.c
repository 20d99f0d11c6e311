// Any bytes as {"plan","usage","document"}: refused, or rated, put on a document and posted with
// sums that hold. A byte sequence that is no object is tried as a plan's text and as a decimal.
#include <stdint.h>

#include "base/check.h"
#include "core/billing/ledger.h"
#include "core/rating/rating_json.h"

static void expect_sums(struct arena *a, const struct document *d) {
    struct ledger_transfer *transfers = NULL;
    size_t count = 0;
    ledger_invoice_issued(a, d, "customer", &transfers, &count);
    struct decimal receivable = decimal_from_i64(0);
    for (size_t i = 0; i < count; i++) {
        check(decimal_sign(transfers[i].amount) > 0);
        receivable = transfers[i].debit.kind == LEDGER_RECEIVABLE
                         ? decimal_add(a, receivable, transfers[i].amount)
                         : decimal_sub(a, receivable, transfers[i].amount);
    }
    check(decimal_equal(receivable, d->total));
    check(decimal_equal(d->total, decimal_add(a, d->net, d->tax)));
}

static void try_rating(struct arena *a, json_t *json) {
    struct plan plan;
    struct rating_input input;
    struct rating_result rated;
    struct err e;
    if (plan_parse(a, json_object_get(json, "plan"), &plan, &e) != ERR_OK ||
        rating_input_parse(a, &plan, json_object_get(json, "usage"), &input, &e) != ERR_OK ||
        rating_run(a, &plan, &input, &rated, &e) != ERR_OK) {
        return;
    }
    json_decref(rating_result_json(a, &rated));
    struct document_terms terms;
    struct document doc;
    if (document_terms_parse(a, json_object_get(json, "document"), &terms, &e) != ERR_OK) {
        return;
    }
    struct document_source source = {.rated = &rated,
                                     .share = terms.has_share ? &terms.share : NULL};
    if (document_build(a, plan.currency, &source, 1, terms.taxes, terms.tax_count, &doc, &e) ==
        ERR_OK) {
        expect_sums(a, &doc);
        json_decref(document_json(a, &doc));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a;
    arena_init(&a);
    struct slice text = slice_of((const char *)data, size);
    json_t *json = json_loadb(text.ptr == NULL ? "" : text.ptr, size, 0, NULL);
    if (json_is_object(json)) {
        try_rating(&a, json);
    }
    json_decref(json);
    struct plan plan;
    struct decimal d;
    (void)!plan_parse_text(&a, text, &plan, NULL);
    if (decimal_parse_stored(&a, text, &d, NULL) == ERR_OK) {
        bool exact = false;
        struct decimal again;
        const char *shown = decimal_text(&a, d, 0, &exact);
        if (exact) {
            check(decimal_parse_stored(&a, slice_str(shown), &again, NULL) == ERR_OK);
            check(decimal_equal(d, again));
        }
    }
    arena_done(&a);
    return 0;
}
