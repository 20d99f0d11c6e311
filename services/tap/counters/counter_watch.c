// Asks, balances, tells; see the header.
#include "tap/counters/counter_watch.h"

#include <stdlib.h>

#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "tap/counters/counter_balance.h"
#include "tap/counters/counter_source.h"
#include "tap/tap_metrics.h"

// So many pages of those that can be held are asked for within the time that they take to settle.
enum { PAGES_TO_SETTLE = COUNTER_PAGES_MAX * 3 / 4, MS_US = 1000 };
static const int64_t WARN_EVERY_US = 60 * 1000000;

struct counter_watch {
    struct counter_source *source;
    struct counter_balance *balance;
    int64_t interval_us;
    int64_t next_us;
    int64_t next_warn_us;
    uint64_t given_back;
    bool asking;
    bool without_samples; // said
    void (*emit)(void *ctx, const struct log_hole *hole);
    void *ctx;
};

struct counter_watch *counter_watch_new(const struct counter_watch_options *o) {
    struct counter_watch *w = calloc(1, sizeof *w);
    check(w != NULL);
    int64_t least_us = (o->settle_ms * MS_US + COUNTER_MARGIN_US) / PAGES_TO_SETTLE;
    w->interval_us = o->interval_ms * MS_US > least_us ? o->interval_ms * MS_US : least_us;
    w->source = counter_source_new(o->url, o->metric, o->label);
    w->balance = counter_balance_new(o->settle_ms * MS_US);
    metric_set(&tap_counters_away, 1);
    return w;
}

void counter_watch_free(struct counter_watch *w) {
    if (w == NULL) {
        return;
    }
    counter_source_free(w->source);
    counter_balance_free(w->balance);
    free(w);
}

void counter_watch_line(struct counter_watch *w, struct log_position at,
                        const struct broker_line *l) {
    counter_balance_line(w->balance, at, l);
}

void counter_watch_dead(struct counter_watch *w, struct log_position at, uint64_t bytes) {
    counter_balance_dead(w->balance, at, bytes);
}

void counter_watch_clear(struct counter_watch *w) {
    counter_balance_clear(w->balance);
}

static void take_sample(void *ctx, struct slice topic, uint64_t value) {
    struct counter_watch *w = ctx;
    counter_balance_sample(w->balance, topic, value);
}

static void warn(struct counter_watch *w, const char *message, const struct err *e) {
    int64_t now = clock_monotonic_us();
    if (now < w->next_warn_us) {
        return;
    }
    w->next_warn_us = now + WARN_EVERY_US;
    if (e != NULL) {
        log_warn(message, log_err(e));
    } else {
        log_warn(message, log_uint("topics_not_watched", counter_balance_unwatched(w->balance)));
    }
}

static void go_on_asking(struct counter_watch *w) {
    bool done;
    struct err e;
    enum err_code code = counter_source_go_on(w->source, &done, &e);
    if (!done) {
        return;
    }
    w->asking = false;
    counter_balance_answer(w->balance, clock_system_us(), code == ERR_OK);
    metric_set(&tap_counters_away, code == ERR_OK ? 0 : 1);
    metric_add(&tap_counter_pages, code == ERR_OK);
    if (code != ERR_OK) {
        warn(w, "the broker's counters can't be read: lines it never wrote may go unnoticed", &e);
    } else if (counter_balance_unwatched(w->balance) > 0) {
        warn(w, "the page of counters has more topics than are watched", NULL);
    } else if (counter_source_samples(w->source) == 0 && !w->without_samples) {
        w->without_samples = true;
        log_info(
            "the page of the broker's counters has no sample of the metric with a topic (yet): "
            "see counters_metric, counters_label");
    }
}

static void tell(void *ctx, const struct counter_excess *x) {
    struct counter_watch *w = ctx;
    const struct log_hole hole = {
        .has_from = true,
        .from = x->from,
        .to = x->to,
        .kind = SLICE_LIT("counter"),
        .topic = x->topic,
        .bytes_at_least = x->bytes,
        .from_us = x->from_us,
        .to_us = x->to_us,
    };
    metric_add(&tap_counter_missing_bytes, x->bytes);
    w->emit(w->ctx, &hole);
}

void counter_watch_go_on(struct counter_watch *w, struct log_position at, int64_t complete_us,
                         void (*emit)(void *ctx, const struct log_hole *hole), void *ctx) {
    int64_t now = clock_monotonic_us();
    if (w->asking) {
        go_on_asking(w);
    } else if (now >= w->next_us && counter_balance_has_room(w->balance)) {
        w->next_us = now + w->interval_us;
        w->asking = true;
        counter_balance_ask(w->balance, at, clock_system_us());
        counter_source_ask(w->source, take_sample, w);
    }
    w->emit = emit;
    w->ctx = ctx;
    counter_balance_settle(w->balance, complete_us, tell, w);
    uint64_t back = counter_balance_given_back(w->balance);
    metric_add(&tap_counter_late_bytes, back - w->given_back);
    w->given_back = back;
    metric_set(&tap_counter_unnamed_bytes, (int64_t)counter_balance_unnamed(w->balance));
}
