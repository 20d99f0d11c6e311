#include "biller/completeness.h"

#include "base/check.h"
#include "base/instant.h"
#include "biller_sql.h"

static void add_broker(struct arena *a, const struct pg_rows *rows, int i, const char *usage_end,
                       json_t *missing) {
    const char *cluster = pg_rows_text(rows, i, BILLER_RUN_UNHEARD_CLUSTER);
    const char *text = NULL;
    if (pg_rows_is_null(rows, i, BILLER_RUN_UNHEARD_BROKER_ID)) {
        text = arena_printf(a, "cluster %s: no broker of it is registered", cluster);
    } else {
        int64_t count = pg_rows_int8(rows, i, BILLER_RUN_UNHEARD_UNHEARD);
        bool never = pg_rows_bool(rows, i, BILLER_RUN_UNHEARD_NEVER_HEARD);
        text = arena_printf(
            a, "cluster %s, broker %s: not heard past %s in %lld of %s log partitions (%s%s); %s%s",
            cluster, pg_rows_text(rows, i, BILLER_RUN_UNHEARD_BROKER_ID), usage_end,
            (long long)count, pg_rows_text(rows, i, BILLER_RUN_UNHEARD_LOG_PARTITIONS),
            pg_rows_text(rows, i, BILLER_RUN_UNHEARD_FIRST_UNHEARD), count > 8 ? ", ..." : "",
            never ? "some never" : "last heard ",
            never ? "" : pg_rows_text(rows, i, BILLER_RUN_UNHEARD_HEARD_TO_TEXT));
    }
    check(json_array_append_new(missing, json_string(text)) == 0);
}

enum err_code completeness_brokers(struct pg *pg, const char *month, int64_t usage_end_us,
                                   json_t *missing, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, &biller_sql_run_unheard,
                                PG_PARAMS(pg_text(month), pg_instant(usage_end_us)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    char usage_end[INSTANT_TEXT_MAX];
    (void)instant_format(usage_end, usage_end_us);
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < pg_rows_count(&rows); i++) {
        add_broker(&a, &rows, i, usage_end, missing);
    }
    arena_done(&a);
    return ERR_OK;
}
