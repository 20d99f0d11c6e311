// Every case of tests/golden/rating, computed by an independent program with fractions, must come
// out of core exactly: every figure of every line and row as text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/billing/document.h"
#include "core/billing/ledger.h"
#include "core/rating/rating_json.h"

static const char FOLDER[] = "tests/golden/rating";

static enum err_code result_of(struct arena *a, json_t *c, json_t **ret, struct err *e) {
    struct plan plan;
    struct rating_input input;
    struct rating_result rated;
    enum err_code code = plan_parse(a, json_object_get(c, "plan"), &plan, e);
    if (code == ERR_OK) {
        code = rating_input_parse(a, &plan, json_object_get(c, "usage"), &input, e);
    }
    if (code == ERR_OK) {
        code = rating_run(a, &plan, &input, &rated, e);
    }
    json_t *terms_json = json_object_get(c, "document");
    if (code != ERR_OK || json_is_null(terms_json)) {
        *ret = code == ERR_OK ? rating_result_json(a, &rated) : NULL;
        return code;
    }
    struct document_terms terms;
    struct document doc;
    code = document_terms_parse(a, terms_json, &terms, e);
    if (code == ERR_OK) {
        struct document_source source = {.rated = &rated,
                                         .share = terms.has_share ? &terms.share : NULL};
        code = document_build(a, plan.currency, &source, 1, terms.taxes, terms.tax_count, &doc, e);
    }
    if (code == ERR_OK) {
        *ret = document_json(a, &doc);
    }
    return code;
}

static void explain(const char *file, const char *name, json_t *expected, json_t *got) {
    char *want = json_dumps(expected, JSON_SORT_KEYS | JSON_INDENT(1));
    char *have = json_dumps(got, JSON_SORT_KEYS | JSON_INDENT(1));
    size_t i = 0;
    while (want[i] != '\0' && want[i] == have[i]) {
        i++;
    }
    size_t from = i < 300 ? 0 : i - 300;
    print_error("%s: %s\n--- expected (from the difference on)\n%.700s\n--- got\n%.700s\n", file,
                name, want + from, have + from);
    free(want);
    free(have);
}

static int run_file(const char *file) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s.json", FOLDER, file);
    json_error_t where;
    json_t *cases = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (cases == NULL) {
        fail_msg("%s: line %d: %s", path, where.line, where.text);
    }
    int wrong = 0;
    size_t i = 0;
    json_t *c = NULL;
    json_array_foreach(cases, i, c) {
        struct arena a;
        struct err e = {0};
        json_t *got = NULL;
        const char *name = json_string_value(json_object_get(c, "name"));
        arena_init(&a);
        if (result_of(&a, c, &got, &e) != ERR_OK) {
            print_error("%s: %s: %s (%s)\n", file, name, e.text, e.field);
            wrong++;
        } else if (!json_equal(got, json_object_get(c, "result"))) {
            explain(file, name, json_object_get(c, "result"), got);
            wrong++;
        }
        json_decref(got);
        arena_done(&a);
    }
    assert_true(i > 0);
    print_message("%s: %zu cases\n", file, i);
    json_decref(cases);
    return wrong;
}

static void golden__every_figure_is_the_oracles(void **state) {
    assert_int_equal(run_file(*state), 0);
}

int main(void) {
    static char files[][16] = {"rounding", "per_unit",   "graduated", "volume",
                               "package",  "conversion", "modifiers", "proration",
                               "rerating", "complete",   "document",  "mixed"};
    enum { COUNT = sizeof files / sizeof *files };
    struct CMUnitTest tests[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        tests[i] = (struct CMUnitTest){files[i], golden__every_figure_is_the_oracles, NULL, NULL,
                                       files[i]};
    }
    return cmocka_run_group_tests_name("rating golden", tests, NULL, NULL);
}
