#include "core/rating/rating_usage.h"

#include <stdlib.h>
#include <string.h>

const struct rating_dimension rating_usage_fresh = {RATING_DELIVERY, RATING_DELIVERY_FRESH};
const struct rating_dimension rating_usage_replay = {RATING_DELIVERY, RATING_DELIVERY_REPLAY};

const char *rating_usage_metric(const char *name) {
    static const char *const METRICS[] = {RATING_METRIC_BYTES, RATING_METRIC_MESSAGES,
                                          RATING_METRIC_FETCHES};
    for (size_t i = 0; i < sizeof METRICS / sizeof *METRICS; i++) {
        if (strcmp(name, METRICS[i]) == 0) {
            return METRICS[i];
        }
    }
    return NULL;
}

const char *rating_usage_value(const struct rating_usage *u, const char *dimension) {
    for (size_t i = 0; i < u->dimension_count; i++) {
        if (strcmp(u->dimensions[i].name, dimension) == 0) {
            return u->dimensions[i].value;
        }
    }
    return NULL;
}

const char *rating_usage_values_text(struct arena *a, const struct rating_usage *u) {
    const char *text = "";
    for (size_t i = 0; i < u->dimension_count; i++) {
        text = arena_printf(a, "%s%s%s", text, i == 0 ? "" : ", ", u->dimensions[i].value);
    }
    return text;
}

static bool passes(const struct rating_usage *u, const struct plan_filter *f) {
    const char *value = rating_usage_value(u, f->dimension);
    for (size_t i = 0; value != NULL && i < f->value_count; i++) {
        if (strcmp(f->values[i], value) == 0) {
            return true;
        }
    }
    return false;
}

bool rating_usage_is_taken(const struct rating_usage *u, const struct plan_price *p) {
    if (p->metric == NULL || strcmp(p->metric, u->metric) != 0) {
        return false;
    }
    for (size_t i = 0; i < p->filter_count; i++) {
        if (!passes(u, &p->filters[i])) {
            return false;
        }
    }
    return true;
}

// --- sums ----------------------------------------------------------------------------------------

// NULL before any text.
static int compare_text(const char *x, const char *y) {
    if (x == NULL || y == NULL) {
        return (x != NULL) - (y != NULL);
    }
    return strcmp(x, y);
}

static int compare(const void *left, const void *right) {
    const struct rating_usage *x = left, *y = right;
    int order = strcmp(x->metric, y->metric);
    order = order != 0 ? order : compare_text(x->bucket, y->bucket);
    for (size_t i = 0; order == 0 && i < x->dimension_count && i < y->dimension_count; i++) {
        order = strcmp(x->dimensions[i].name, y->dimensions[i].name);
        order = order != 0 ? order : strcmp(x->dimensions[i].value, y->dimensions[i].value);
    }
    if (order == 0) {
        order =
            (x->dimension_count > y->dimension_count) - (x->dimension_count < y->dimension_count);
    }
    return order;
}

static bool is_summed(const struct rating_usage *rows, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (compare(&rows[i - 1], &rows[i]) >= 0) {
            return false;
        }
    }
    return true;
}

const struct rating_usage *rating_usage_sum(struct arena *a, const struct rating_usage *rows,
                                            size_t count, size_t *ret_count) {
    if (is_summed(rows, count)) {
        *ret_count = count;
        return rows;
    }
    struct rating_usage *sums = arena_array(a, count, sizeof *sums);
    memcpy(sums, rows, count * sizeof *sums);
    qsort(sums, count, sizeof *sums, compare);
    size_t n = 1;
    for (size_t i = 1; i < count; i++) {
        if (compare(&sums[n - 1], &sums[i]) == 0) {
            sums[n - 1].quantity = decimal_add(a, sums[n - 1].quantity, sums[i].quantity);
        } else {
            sums[n++] = sums[i];
        }
    }
    *ret_count = n;
    return sums;
}
