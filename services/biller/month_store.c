#include "biller/month_store.h"

#include <string.h>

#include "base/check.h"
#include "biller_sql.h"
#include "core/json/json_write.h"
#include "core/rating/metering_class.h"
#include "core/rating/rating_json.h"

static const char *text_of(struct arena *a, const struct pg_rows *rows, int row, int column) {
    return arena_str(a, pg_rows_slice(rows, row, column));
}

// --- the list ------------------------------------------------------------------------------------

static void take_period(const struct pg_rows *rows, int i, struct month *u) {
    u->from_us = pg_rows_instant_us(rows, i, BILLER_MONTH_LIST_PERIOD_FROM);
    u->to_us = pg_rows_instant_us(rows, i, BILLER_MONTH_LIST_PERIOD_TO);
    u->period = (struct rating_period){
        .from_day = pg_rows_int8(rows, i, BILLER_MONTH_LIST_FIRST_DAY),
        .to_day = pg_rows_int8(rows, i, BILLER_MONTH_LIST_NEXT_MONTH_DAY),
        .service_from_day = pg_rows_int8(rows, i, BILLER_MONTH_LIST_SERVICE_FIRST_DAY),
        .service_to_day = pg_rows_int8(rows, i, BILLER_MONTH_LIST_SERVICE_END_DAY),
        .final = true};
    u->billed_seq = pg_rows_int8(rows, i, BILLER_MONTH_LIST_BILLED_SEQ);
    u->service_from_us = pg_rows_instant_us(rows, i, BILLER_MONTH_LIST_SERVICE_FROM);
    u->service_to_us = pg_rows_instant_us(rows, i, BILLER_MONTH_LIST_SERVICE_TO);
    if (u->service_from_us >= u->service_to_us) { // nothing but usage of the minute after the end
        u->service_from_us = u->from_us;
        u->service_to_us = u->to_us;
    }
    // A fee in advance is given back for unused days only where a document charged it up to the
    // end of the month and the service ends before that.
    int64_t charged_to = pg_rows_int8(rows, i, BILLER_MONTH_LIST_CHARGED_TO_DAY);
    u->period.end_credited = u->billed_seq > 0 && charged_to != u->period.to_day;
}

static enum err_code take_plan(struct arena *a, const struct pg_rows *rows, int i, struct month *u,
                               struct err *e) {
    enum err_code code =
        plan_parse_text(a, pg_rows_slice(rows, i, BILLER_MONTH_LIST_PLAN), &u->plan, e);
    if (code == ERR_OK && strcmp(u->plan.currency->code, u->currency) != 0) {
        code = err_set(e, ERR_INVALID, "its body is in %s, not in %s", u->plan.currency->code,
                       u->currency);
    }
    if (code == ERR_OK) {
        json_error_t where;
        struct slice text = pg_rows_slice(rows, i, BILLER_MONTH_LIST_REVENUE_SHARE);
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
    *u = (struct month){.subscription = text_of(a, rows, i, BILLER_MONTH_LIST_SUBSCRIPTION_ID),
                        .provider = text_of(a, rows, i, BILLER_MONTH_LIST_PROVIDER_ORG_ID),
                        .provider_name = text_of(a, rows, i, BILLER_MONTH_LIST_PROVIDER_NAME),
                        .product = text_of(a, rows, i, BILLER_MONTH_LIST_PRODUCT_ID),
                        .product_name = text_of(a, rows, i, BILLER_MONTH_LIST_PRODUCT_NAME),
                        .plan_id = text_of(a, rows, i, BILLER_MONTH_LIST_PLAN_ID),
                        .plan_version = text_of(a, rows, i, BILLER_MONTH_LIST_PLAN_VERSION),
                        .plan_name = text_of(a, rows, i, BILLER_MONTH_LIST_PLAN_NAME),
                        .currency = text_of(a, rows, i, BILLER_MONTH_LIST_CURRENCY),
                        .weakest_class = text_of(a, rows, i, BILLER_MONTH_LIST_WEAKEST_CLASS),
                        .time_zone = text_of(a, rows, i, BILLER_MONTH_LIST_TIME_ZONE),
                        .sold_through = pg_rows_bool(rows, i, BILLER_MONTH_LIST_SOLD_THROUGH),
                        .topics = text_of(a, rows, i, BILLER_MONTH_LIST_TOPICS),
                        .open_fetches = "0",
                        .derived_messages = "0",
                        .share_messages = "0",
                        .share_bytes = "0"};
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

// What month_usage counts.
static const struct {
    int column;
    const char *metric;
} METRICS[] = {{BILLER_MONTH_USAGE_BYTES, RATING_METRIC_BYTES},
               {BILLER_MONTH_USAGE_MESSAGES, RATING_METRIC_MESSAGES},
               {BILLER_MONTH_USAGE_FETCHES, RATING_METRIC_FETCHES}};
enum { METRIC_COUNT = sizeof METRICS / sizeof *METRICS };

// What one row of month_usage counted; a count of 0 is none.
static enum err_code add_usage(struct arena *a, const struct pg_rows *rows, int row,
                               struct month *u, struct err *e) {
    bool replayed = pg_rows_int8(rows, row, BILLER_MONTH_USAGE_DELIVERY) != 0;
    for (int m = 0; m < METRIC_COUNT; m++) {
        struct rating_usage x = {.metric = METRICS[m].metric,
                                 .dimensions =
                                     replayed ? &rating_usage_replay : &rating_usage_fresh,
                                 .dimension_count = 1};
        enum err_code code =
            decimal_parse_count(a, pg_rows_slice(rows, row, METRICS[m].column), &x.quantity, e);
        if (code != ERR_OK) {
            return code;
        }
        if (!decimal_is_zero(x.quantity)) {
            u->usage[u->usage_count++] = x;
        }
    }
    return ERR_OK;
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

enum err_code month_store_read_usage(struct pg *pg, struct arena *a, struct month *u,
                                     struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_month_usage,
               PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us), pg_instant(u->to_us)),
               &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = (size_t)pg_rows_count(&rows);
    u->usage = arena_array(a, count * METRIC_COUNT, sizeof *u->usage);
    for (int i = 0; code == ERR_OK && i < (int)count; i++) {
        code = add_usage(a, &rows, i, u, e);
        u->open_fetches =
            add_count(a, u->open_fetches, pg_rows_text(&rows, i, BILLER_MONTH_USAGE_OPEN_FETCHES));
        u->derived_messages = add_count(
            a, u->derived_messages, pg_rows_text(&rows, i, BILLER_MONTH_USAGE_DERIVED_MESSAGES));
        u->share_messages = add_count(a, u->share_messages,
                                      pg_rows_text(&rows, i, BILLER_MONTH_USAGE_SHARE_MESSAGES));
        u->share_bytes =
            add_count(a, u->share_bytes, pg_rows_text(&rows, i, BILLER_MONTH_USAGE_SHARE_BYTES));
        const char *weakest = text_of(a, &rows, i, BILLER_MONTH_USAGE_WEAKEST_CLASS);
        if (u->metering_class == NULL || metering_class_is_weaker(weakest, u->metering_class)) {
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
        const char *kind = pg_rows_text(&rows, (int)i, BILLER_MONTH_BILLED_KIND);
        b->price_id = text_of(a, &rows, (int)i, BILLER_MONTH_BILLED_PRICE_ID);
        b->kind = strcmp(kind, rating_kind_name(RATING_FIXED)) == 0   ? RATING_FIXED
                  : strcmp(kind, rating_kind_name(RATING_USAGE)) == 0 ? RATING_USAGE
                                                                      : RATING_MINIMUM;
        b->has_amounts = true;
        const struct {
            int column;
            struct decimal *ret;
        } parts[] = {{BILLER_MONTH_BILLED_METERED, &b->metered},
                     {BILLER_MONTH_BILLED_BASE, &b->base},
                     {BILLER_MONTH_BILLED_DISCOUNT, &b->discount},
                     {BILLER_MONTH_BILLED_CAP, &b->cap}};
        for (size_t k = 0; code == ERR_OK && k < sizeof parts / sizeof *parts; k++) {
            const char *text = text_of(a, &rows, (int)i, parts[k].column);
            code = decimal_parse_count(a, slice_str(text), parts[k].ret, e);
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
        u->originals[i] = (struct month_original){
            .price_id = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_PRICE_ID),
            .kind = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_KIND),
            .document_id = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_DOCUMENT_ID),
            .line = (int)pg_rows_int8(&rows, (int)i, BILLER_MONTH_ORIGINALS_LINE),
            .number = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_NUMBER),
            .tax_category = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_TAX_CATEGORY),
            .tax_rate = text_of(a, &rows, (int)i, BILLER_MONTH_ORIGINALS_TAX_RATE)};
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
    json_t *all = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:o}", "service_from_day",
                            (json_int_t)u->period.service_from_day, "service_to_day",
                            (json_int_t)u->period.service_to_day, "open_fetches", u->open_fetches,
                            "derived_messages", u->derived_messages, "share_messages",
                            u->share_messages, "share_bytes", u->share_bytes, "usage",
                            rating_usage_json(a, u->usage, u->usage_count));
    check(all != NULL);
    return json_write_text(a, all);
}
