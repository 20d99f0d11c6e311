#include "biller/document_store.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "biller/month_store.h"
#include "biller_sql.h"
#include "core/billing/wording.h"
#include "core/json/json_write.h"
#include "core/rating/rating_json.h"

static const char *number_text(struct arena *a, struct decimal x) {
    return decimal_text(a, x, 0, NULL);
}

static enum err_code insert_document(struct pg *pg, struct arena *a,
                                     const struct document_context *c, const struct draft *d,
                                     char ret_id[PG_UUID_TEXT], struct err *e) {
    const struct currency *currency = d->currency;
    const struct document *doc = &d->document;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(
        pg, &biller_sql_draft_insert,
        PG_PARAMS(pg_text(c->org_id), pg_text(c->parties->entity_id), pg_text(c->run_id),
                  pg_text(currency->code), pg_instant(c->period_from_us),
                  pg_instant(c->period_to_us), pg_instant(c->usage_end_us), pg_text(c->time_zone),
                  pg_text(currency_text(a, currency, doc->net, NULL)),
                  pg_text(currency_text(a, currency, doc->tax, NULL)),
                  pg_text(currency_text(a, currency, doc->total, NULL)), pg_text(d->blocked_by),
                  pg_text(c->positions), pg_text(c->parties->seller), pg_text(c->parties->buyer),
                  pg_int8(DOCUMENT_TERMS_DAYS)),
        &rows, e);
    if (code == ERR_OK) {
        (void)snprintf(ret_id, PG_UUID_TEXT, "%s", pg_rows_text(&rows, 0, 0));
    }
    return code;
}

static const char *description_of(struct arena *a, const struct month *u,
                                  const struct rating_line *l,
                                  const struct month_original *corrected) {
    return wording_line(
        a, &(struct wording_input){.product = u->product_name,
                                   .topics = u->topics,
                                   .line = l,
                                   .month_from_day = u->period.from_day,
                                   .month_to_day = u->period.to_day,
                                   .service_from_day = u->period.service_from_day,
                                   .service_to_day = u->period.service_to_day,
                                   .corrects_line = corrected == NULL ? 0 : corrected->line,
                                   .corrects_number = corrected == NULL ? "" : corrected->number,
                                   .late = u->billed_seq > 0,
                                   .open_fetches = u->open_fetches,
                                   .derived_messages = u->derived_messages,
                                   .share_messages = u->share_messages,
                                   .share_bytes = u->share_bytes});
}

static enum err_code insert_line(struct pg *pg, struct arena *a, const struct document_context *c,
                                 const struct draft *d, const char *document_id, size_t i,
                                 struct err *e) {
    const struct document_line *line = &d->document.lines[i];
    const struct rating_line *l = line->rated;
    const struct month *u = d->months[line->source];
    const struct currency *currency = d->currency;
    const struct month_original *corrected = draft_original(u, l);
    bool usage = l->kind == RATING_USAGE;
    bool exact = true;
    const char *unrounded = currency_text(a, currency, l->unrounded, &exact);
    return pg_run(
        pg, &biller_sql_line_insert,
        PG_PARAMS(pg_text(document_id), pg_int8(line->line), pg_text(c->org_id),
                  pg_text(u->subscription), pg_text(u->provider), pg_text(u->product),
                  pg_text(u->plan_id), pg_text(u->plan_version), pg_text(l->price->price_id),
                  pg_text(rating_kind_name(l->kind)), pg_text(description_of(a, u, l, corrected)),
                  usage ? pg_text(l->price->metric) : pg_null(),
                  usage ? pg_text(u->metering_class) : pg_null(),
                  usage ? pg_text(number_text(a, l->metered)) : pg_null(),
                  usage ? pg_text(number_text(a, l->quantity)) : pg_null(), pg_text(unrounded),
                  pg_bool(exact), pg_text(currency_text(a, currency, l->base, NULL)),
                  pg_text(currency_text(a, currency, l->discount, NULL)),
                  pg_text(currency_text(a, currency, l->cap, NULL)),
                  pg_text(currency_text(a, currency, l->amount, NULL)),
                  pg_text(currency_text(a, currency, line->net, NULL)), pg_text(line->tax.category),
                  pg_text(decimal_text_as_read(a, line->tax.rate)),
                  pg_text(json_write_text(a, rating_rows_json(a, currency, l))),
                  pg_instant(u->service_from_us), pg_instant(u->service_to_us),
                  corrected == NULL ? pg_null() : pg_text(corrected->document_id),
                  corrected == NULL ? pg_null() : pg_int8(corrected->line),
                  pg_bool(usage && u->touched_by_hole), pg_text(u->product_name),
                  pg_text(u->provider_name)),
        NULL, e);
}

static enum err_code insert_splits(struct pg *pg, struct arena *a, const struct document_context *c,
                                   const struct draft *d, const char *document_id, size_t i,
                                   struct err *e) {
    const struct document_line *line = &d->document.lines[i];
    enum err_code code = ERR_OK;
    for (size_t k = 0; code == ERR_OK && k < line->part_count; k++) {
        const struct share_part *p = &line->parts[k];
        const char *org = strcmp(p->party, SHARE_OPERATOR) == 0 ? c->parties->operator_id
                          : strcmp(p->party, SHARE_PROVIDER) == 0
                              ? d->months[line->source]->provider
                              : p->party;
        code = pg_run(pg, &biller_sql_split_insert,
                      PG_PARAMS(pg_text(document_id), pg_int8(line->line), pg_text(p->party),
                                pg_text(org),
                                p->has_exact ? pg_text(number_text(a, p->exact)) : pg_null(),
                                pg_text(currency_text(a, d->currency, p->amount, NULL))),
                      NULL, e);
    }
    return code;
}

static enum err_code insert_taxes(struct pg *pg, struct arena *a, const struct draft *d,
                                  const char *document_id, struct err *e) {
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < d->document.tax_count; i++) {
        const struct document_tax *t = &d->document.taxes[i];
        code = pg_run(pg, &biller_sql_tax_insert,
                      PG_PARAMS(pg_text(document_id), pg_text(t->category),
                                pg_text(decimal_text_as_read(a, t->rate)),
                                pg_text(currency_text(a, d->currency, t->net, NULL)),
                                pg_text(currency_text(a, d->currency, t->amount, NULL))),
                      NULL, e);
    }
    return code;
}

static enum err_code insert_billed(struct pg *pg, struct arena *a, const struct draft *d,
                                   const char *document_id, struct err *e) {
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < d->month_count; i++) {
        const struct month *u = d->months[i];
        code = pg_run(pg, &biller_sql_billed_insert,
                      PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us),
                                pg_int8(u->billed_seq + 1), pg_text(document_id),
                                pg_text(month_store_usage_json(a, u)),
                                pg_text(json_write_text(a, rating_result_json(a, &u->rated)))),
                      NULL, e);
    }
    return code;
}

enum err_code document_store_draft(struct pg *pg, struct arena *a, const struct document_context *c,
                                   const struct draft *d, char ret_id[PG_UUID_TEXT],
                                   struct err *e) {
    enum err_code code = insert_document(pg, a, c, d, ret_id, e);
    for (size_t i = 0; code == ERR_OK && i < d->document.line_count; i++) {
        code = insert_line(pg, a, c, d, ret_id, i, e);
        if (code == ERR_OK) {
            code = insert_splits(pg, a, c, d, ret_id, i, e);
        }
    }
    if (code == ERR_OK) {
        code = insert_taxes(pg, a, d, ret_id, e);
    }
    if (code == ERR_OK && d->blocked_by == NULL) {
        code = insert_billed(pg, a, d, ret_id, e);
    }
    return code;
}

enum err_code document_store_drop_blocked(struct pg *pg, const char *org_id, int64_t from_us,
                                          struct err *e) {
    PG_ROWS_AUTO struct pg_rows drafts = {0};
    enum err_code code = pg_run(pg, &biller_sql_blocked_drafts,
                                PG_PARAMS(pg_text(org_id), pg_instant(from_us)), &drafts, e);
    const struct pg_statement *const steps[] = {
        &biller_sql_draft_delete_splits, &biller_sql_draft_delete_lines,
        &biller_sql_draft_delete_taxes, &biller_sql_draft_delete};
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&drafts); i++) {
        for (size_t k = 0; code == ERR_OK && k < sizeof steps / sizeof *steps; k++) {
            code = pg_run(pg, steps[k], PG_PARAMS(pg_text(pg_rows_text(&drafts, i, 0))), NULL, e);
        }
    }
    return code;
}
