#include "biller/account.h"

#include <stdio.h>
#include <string.h>

#include "biller/month_store.h"
#include "biller_sql.h"

struct account {
    struct pg *pg;
    struct arena *a;
    struct document_context context;
    const char *month;
    struct draft_parties parties;
    const char *note;
    struct account_result *result;
};

static const char *text_of(struct arena *a, const struct pg_rows *rows, int column) {
    return arena_str(a, pg_rows_slice(rows, 0, column));
}

static enum err_code claim(struct account *x, const char *run_id, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(x->pg, &biller_sql_account_claim, PG_PARAMS(pg_text(run_id)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code;
    }
    x->result->claimed = true;
    (void)snprintf(x->result->org_id, sizeof x->result->org_id, "%s", pg_rows_text(&rows, 0, 0));
    x->month = text_of(x->a, &rows, 2);
    x->context = (struct document_context){.run_id = run_id,
                                           .org_id = x->result->org_id,
                                           .time_zone = text_of(x->a, &rows, 3),
                                           .usage_end_us = pg_rows_instant_us(&rows, 0, 4),
                                           .period_from_us = pg_rows_instant_us(&rows, 0, 5),
                                           .period_to_us = pg_rows_instant_us(&rows, 0, 6),
                                           .parties = &x->parties};
    return ERR_OK;
}

static enum err_code read_parties(struct account *x, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(x->pg, &biller_sql_account_parties,
                                    PG_PARAMS(pg_text(x->result->org_id)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    x->parties = (struct draft_parties){.entity_id = text_of(x->a, &rows, 0),
                                        .seller_country = text_of(x->a, &rows, 1),
                                        .entity_zone = text_of(x->a, &rows, 2),
                                        .operator_id = text_of(x->a, &rows, 3),
                                        .seller = text_of(x->a, &rows, 4),
                                        .buyer_country = text_of(x->a, &rows, 5),
                                        .buyer = text_of(x->a, &rows, 6)};
    PG_ROWS_AUTO struct pg_rows positions = {0};
    code = pg_run_one(x->pg, &biller_sql_account_positions, PG_PARAMS(pg_text(x->result->org_id)),
                      &positions, e);
    if (code == ERR_OK) {
        x->context.positions = text_of(x->a, &positions, 0);
    }
    return code;
}

static enum err_code tax_rate(void *ctx, const char *country, const char *category, int64_t day,
                              const char **ret_rate, struct err *e) {
    struct account *x = ctx;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(x->pg, &biller_sql_tax_rate,
               PG_PARAMS(pg_text(country), pg_text(category), pg_int8(day)), &rows, e);
    if (code == ERR_OK) {
        *ret_rate = pg_rows_count(&rows) == 0 ? NULL : text_of(x->a, &rows, 0);
    }
    return code;
}

static void add_note(struct account *x, const char *text) {
    if (text != NULL) {
        x->note = x->note == NULL ? text : arena_printf(x->a, "%s; %s", x->note, text);
    }
}

// The months of one currency.
static enum err_code draft_currency(struct account *x, struct month **months, size_t count,
                                    struct err *e) {
    struct draft draft;
    bool any = false;
    enum err_code code =
        draft_build(x->a, months, count, &x->parties, tax_rate, x, &draft, &any, e);
    if (code != ERR_OK) {
        return code;
    }
    add_note(x, draft.note);
    if (!any) {
        return ERR_OK;
    }
    char id[PG_UUID_TEXT];
    code = document_store_draft(x->pg, x->a, &x->context, &draft, id, e);
    if (code == ERR_OK && draft.blocked_by != NULL) {
        x->result->blocked++;
        add_note(x, arena_printf(x->a, "the invoice in %s stays a draft: %s", draft.currency->code,
                                 draft.blocked_by));
    } else if (code == ERR_OK) {
        x->result->drafts++;
    }
    return code;
}

static enum err_code draft_all(struct account *x, int64_t months_back, struct err *e) {
    struct month *months = NULL;
    size_t count = 0;
    enum err_code code =
        month_store_list(x->pg, x->a, x->result->org_id, x->month, months_back, &months, &count, e);
    struct month **group = arena_array(x->a, count, sizeof *group);
    size_t size = 0;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        code = month_store_rate(x->pg, x->a, &months[i], e);
        group[size++] = &months[i];
        bool last = i + 1 == count || strcmp(months[i].currency, months[i + 1].currency) != 0;
        if (code == ERR_OK && last) {
            code = draft_currency(x, group, size, e);
            size = 0;
        }
    }
    return code;
}

static enum err_code draft_in(struct account *x, const char *run_id, int64_t months_back,
                              struct err *e) {
    enum err_code code = claim(x, run_id, e);
    if (code != ERR_OK || !x->result->claimed) {
        return code;
    }
    code = read_parties(x, e);
    if (code == ERR_OK) {
        code = document_store_drop_blocked(x->pg, x->result->org_id, x->context.period_from_us, e);
    }
    if (code == ERR_OK) {
        code = draft_all(x, months_back, e);
    }
    if (code == ERR_OK) {
        code =
            pg_run(x->pg, &biller_sql_account_set,
                   PG_PARAMS(pg_text(run_id), pg_text(x->result->org_id),
                             pg_text(x->result->drafts > 0 ? "drafted" : "done"), pg_text(x->note)),
                   NULL, e);
    }
    return code == ERR_OK ? pg_commit(x->pg, e) : code;
}

enum err_code account_draft(struct pg *pg, const char *run_id, int64_t months_back,
                            struct account_result *ret_result, struct err *e) {
    *ret_result = (struct account_result){0};
    enum err_code code = pg_begin(pg, PG_REPEATABLE_READ, e);
    if (code != ERR_OK) {
        return code;
    }
    struct arena a;
    arena_init(&a);
    struct account x = {.pg = pg, .a = &a, .result = ret_result};
    code = draft_in(&x, run_id, months_back, e);
    arena_done(&a);
    pg_rollback(pg);
    return code;
}

enum err_code account_fail(struct pg *pg, const char *run_id, const char *org_id, const char *why,
                           struct err *e) {
    return pg_run(pg, &biller_sql_account_set,
                  PG_PARAMS(pg_text(run_id), pg_text(org_id), pg_text("failed"), pg_text(why)),
                  NULL, e);
}
