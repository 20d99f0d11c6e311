#include "biller/month_store.h"

#include <string.h>

#include "base/check.h"
#include "biller_sql.h"
#include "core/json/json_write.h"

static const char *text_of(struct arena *a, const struct pg_rows *rows, int row, int column) {
    return arena_str(a, pg_rows_slice(rows, row, column));
}

// --- the list ------------------------------------------------------------------------------------

static void take_period(const struct pg_rows *rows, int i, struct month *u) {
    u->from_us = pg_rows_instant_us(rows, i, 12);
    u->to_us = pg_rows_instant_us(rows, i, 13);
    u->period = (struct rating_period){.from_day = pg_rows_int8(rows, i, 15),
                                       .to_day = pg_rows_int8(rows, i, 16),
                                       .service_from_day = pg_rows_int8(rows, i, 17),
                                       .service_to_day = pg_rows_int8(rows, i, 18),
                                       .final = true};
    u->billed_seq = pg_rows_int8(rows, i, 19);
    u->service_from_us = pg_rows_instant_us(rows, i, 22);
    u->service_to_us = pg_rows_instant_us(rows, i, 23);
    if (u->service_from_us >= u->service_to_us) { // nothing but usage of the minute after the end
        u->service_from_us = u->from_us;
        u->service_to_us = u->to_us;
    }
    // A fee in advance is given back for unused days only where a document charged it up to the
    // end of the month and the service ends before that.
    int64_t charged_to = pg_rows_int8(rows, i, 24);
    u->period.end_credited = u->billed_seq > 0 && charged_to != u->period.to_day;
}

static enum err_code take_plan(struct arena *a, const struct pg_rows *rows, int i, struct month *u,
                               struct err *e) {
    enum err_code code = plan_parse_text(a, pg_rows_slice(rows, i, 9), &u->plan, e);
    if (code == ERR_OK && strcmp(u->plan.currency->code, u->currency) != 0) {
        code = err_set(e, ERR_INVALID, "its body is in %s, not in %s", u->plan.currency->code,
                       u->currency);
    }
    if (code == ERR_OK) {
        json_error_t where;
        struct slice text = pg_rows_slice(rows, i, 10);
        json_t *share = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &where);
        u->has_share = share != NULL && !json_is_null(share);
        if (u->has_share) {
            code = share_parse(a, share, "/revenue_share", &u->share, e);
        } else if (share == NULL) {
            code = err_set(e, ERR_INVALID, "its revenue share is not JSON: %s", where.text);
        }
        json_decref(share);
    }
    return code == ERR_OK ? ERR_OK
                          : err_context(e, "plan %s, version %s", u->plan_name, u->plan_version);
}

static enum err_code take_month(struct arena *a, const struct pg_rows *rows, int i, struct month *u,
                                struct err *e) {
    *u = (struct month){.subscription = text_of(a, rows, i, 0),
                        .provider = text_of(a, rows, i, 1),
                        .provider_name = text_of(a, rows, i, 2),
                        .product = text_of(a, rows, i, 3),
                        .product_name = text_of(a, rows, i, 4),
                        .plan_id = text_of(a, rows, i, 5),
                        .plan_version = text_of(a, rows, i, 6),
                        .plan_name = text_of(a, rows, i, 7),
                        .currency = text_of(a, rows, i, 8),
                        .weakest_class = text_of(a, rows, i, 11),
                        .time_zone = text_of(a, rows, i, 14),
                        .sold_through = pg_rows_bool(rows, i, 20),
                        .topics = text_of(a, rows, i, 21),
                        .open_fetches = "0",
                        .share_messages = "0"};
    take_period(rows, i, u);
    return take_plan(a, rows, i, u, e);
}

enum err_code month_store_list(struct pg *pg, struct arena *a, const char *org_id,
                               const char *month, int64_t months_back, struct month **ret,
                               size_t *ret_count, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_month_list,
               PG_PARAMS(pg_text(org_id), pg_text(month), pg_int8(months_back)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = (size_t)pg_rows_count(&rows);
    struct month *months = arena_array(a, count, sizeof *months);
    for (size_t i = 0; i < count; i++) {
        code = take_month(a, &rows, (int)i, &months[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    *ret = months;
    *ret_count = count;
    return ERR_OK;
}

// --- one month -----------------------------------------------------------------------------------

static enum err_code add_usage(struct arena *a, struct month *u, enum plan_metric metric,
                               enum plan_delivery delivery, const char *quantity, struct err *e) {
    if (strcmp(quantity, "0") == 0) {
        return ERR_OK;
    }
    check(u->usage_count < MONTH_METRICS);
    struct rating_usage *x = &u->usage[u->usage_count];
    *x = (struct rating_usage){.metric = metric, .delivery = delivery};
    enum err_code code = decimal_parse_count(a, slice_str(quantity), &x->quantity, e);
    if (code == ERR_OK) {
        u->usage_text[u->usage_count++] = quantity;
    }
    return code;
}

// Sums of counts that are shown only.
static const char *add_count(struct arena *a, const char *x, const char *y) {
    u128 left = 0;
    u128 right = 0;
    check(number_parse_u128(slice_str(x), &left) && number_parse_u128(slice_str(y), &right));
    char *sum = arena_alloc(a, U128_TEXT_MAX);
    (void)number_format_u128(sum, left + right);
    return sum;
}

static int class_rank(const char *metering_class) {
    return strcmp(metering_class, "request_log") == 0 ? 2
           : strcmp(metering_class, "reported") == 0  ? 1
                                                      : 0;
}

enum err_code month_store_read_usage(struct pg *pg, struct arena *a, struct month *u,
                                     struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_month_usage,
               PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us), pg_instant(u->to_us)),
               &rows, e);
    static const enum plan_metric metrics[] = {PLAN_METRIC_BYTES, PLAN_METRIC_MESSAGES,
                                               PLAN_METRIC_FETCHES};
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        enum plan_delivery delivery =
            pg_rows_int8(&rows, i, 0) == 0 ? PLAN_DELIVERY_FRESH : PLAN_DELIVERY_REPLAY;
        for (int m = 0; code == ERR_OK && m < 3; m++) {
            code = add_usage(a, u, metrics[m], delivery, text_of(a, &rows, i, 1 + m), e);
        }
        u->open_fetches = add_count(a, u->open_fetches, pg_rows_text(&rows, i, 4));
        u->share_messages = add_count(a, u->share_messages, pg_rows_text(&rows, i, 5));
        const char *weakest = text_of(a, &rows, i, 6);
        if (u->metering_class == NULL || class_rank(weakest) < class_rank(u->metering_class)) {
            u->metering_class = weakest;
        }
    }
    return code;
}

static enum err_code read_billed(struct pg *pg, struct arena *a, struct month *u, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_month_billed,
               PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    u->billed_count = (size_t)pg_rows_count(&rows);
    u->billed = arena_array(a, u->billed_count, sizeof *u->billed);
    for (size_t i = 0; code == ERR_OK && i < u->billed_count; i++) {
        struct rating_billed *b = &u->billed[i];
        const char *kind = pg_rows_text(&rows, (int)i, 1);
        b->price_id = text_of(a, &rows, (int)i, 0);
        b->kind = strcmp(kind, rating_kind_name(RATING_FIXED)) == 0   ? RATING_FIXED
                  : strcmp(kind, rating_kind_name(RATING_USAGE)) == 0 ? RATING_USAGE
                                                                      : RATING_MINIMUM;
        b->has_amounts = true;
        struct decimal *const parts[] = {&b->metered, &b->base, &b->discount, &b->cap};
        for (int k = 0; code == ERR_OK && k < 4; k++) {
            code = decimal_parse_count(a, slice_str(text_of(a, &rows, (int)i, 2 + k)), parts[k], e);
        }
    }
    return code;
}

static enum err_code read_originals(struct pg *pg, struct arena *a, struct month *u,
                                    struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_month_originals,
               PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us), pg_instant(u->to_us)),
               &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    u->original_count = (size_t)pg_rows_count(&rows);
    u->originals = arena_array(a, u->original_count, sizeof *u->originals);
    for (size_t i = 0; i < u->original_count; i++) {
        u->originals[i] = (struct month_original){.price_id = text_of(a, &rows, (int)i, 0),
                                                  .kind = text_of(a, &rows, (int)i, 1),
                                                  .document_id = text_of(a, &rows, (int)i, 2),
                                                  .line = (int)pg_rows_int8(&rows, (int)i, 3),
                                                  .number = text_of(a, &rows, (int)i, 4),
                                                  .tax_category = text_of(a, &rows, (int)i, 5),
                                                  .tax_rate = text_of(a, &rows, (int)i, 6)};
    }
    return ERR_OK;
}

static enum err_code read_hole(struct pg *pg, struct month *u, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(
        pg, &biller_sql_month_hole,
        PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us), pg_instant(u->to_us)), &rows,
        e);
    u->touched_by_hole = code == ERR_OK && pg_rows_bool(&rows, 0, 0);
    return code;
}

enum err_code month_store_rate(struct pg *pg, struct arena *a, struct month *u, struct err *e) {
    enum err_code code = month_store_read_usage(pg, a, u, e);
    if (code == ERR_OK && u->billed_seq > 0) {
        code = read_billed(pg, a, u, e);
    }
    if (code == ERR_OK && u->billed_seq > 0) {
        code = read_originals(pg, a, u, e);
    }
    if (code == ERR_OK) {
        code = read_hole(pg, u, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct rating_input input = {.period = u->period,
                                 .usage = u->usage,
                                 .usage_count = u->usage_count,
                                 .billed_before = u->billed,
                                 .billed_count = u->billed_count};
    code = rating_run(a, &u->plan, &input, &u->rated, e);
    return code == ERR_OK ? ERR_OK : err_context(e, "subscription %s", u->subscription);
}

const char *month_store_usage_json(struct arena *a, const struct month *u) {
    json_t *rows = json_array();
    for (size_t i = 0; i < u->usage_count; i++) {
        json_t *row =
            json_pack("{s:s, s:s, s:s}", "metric", plan_metric_name(u->usage[i].metric), "delivery",
                      plan_delivery_name(u->usage[i].delivery), "quantity", u->usage_text[i]);
        check(json_array_append_new(rows, row) == 0);
    }
    json_t *all = json_pack("{s:I, s:I, s:s, s:s, s:o}", "service_from_day",
                            (json_int_t)u->period.service_from_day, "service_to_day",
                            (json_int_t)u->period.service_to_day, "open_fetches", u->open_fetches,
                            "share_messages", u->share_messages, "usage", rows);
    check(all != NULL);
    return json_write_text(a, all);
}
