#include "core/billing/wording.h"

#include <string.h>

#include "base/instant.h"

static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

const char *wording_period(struct arena *a, int64_t from_day, int64_t to_day) {
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    civil_from_days(from_day, &year, &month, &day);
    int64_t last_year = 0;
    unsigned last_month = 0;
    unsigned last_day = 0;
    civil_from_days(to_day > from_day ? to_day - 1 : from_day, &last_year, &last_month, &last_day);
    bool same_month = year == last_year && month == last_month;
    if (same_month && day == 1 && last_day == days_in_month(year, month)) {
        return arena_printf(a, "%s %lld", MONTHS[month - 1], (long long)year);
    }
    if (same_month && day == last_day) {
        return arena_printf(a, "%u %s %lld", day, MONTHS[month - 1], (long long)year);
    }
    if (same_month) {
        return arena_printf(a, "%u-%u %s %lld", day, last_day, MONTHS[month - 1], (long long)year);
    }
    return arena_printf(a, "%u %s %lld - %u %s %lld", day, MONTHS[month - 1], (long long)year,
                        last_day, MONTHS[last_month - 1], (long long)last_year);
}

// The unit that a price counts in, from what it divides the metric by.
static const char *unit_of(struct arena *a, const struct plan_price *p) {
    static const struct {
        const char *metric, *factor, *name;
    } units[] = {
        {RATING_METRIC_BYTES, "1000", "kB"},
        {RATING_METRIC_BYTES, "1000000", "MB"},
        {RATING_METRIC_BYTES, "1000000000", "GB"},
        {RATING_METRIC_BYTES, "1000000000000", "TB"},
        {RATING_METRIC_BYTES, "1024", "KiB"},
        {RATING_METRIC_BYTES, "1048576", "MiB"},
        {RATING_METRIC_BYTES, "1073741824", "GiB"},
        {RATING_METRIC_BYTES, "1099511627776", "TiB"},
        {RATING_METRIC_MESSAGES, "1000", "thousand"},
        {RATING_METRIC_MESSAGES, "1000000", "million"},
    };
    if (!p->has_conversion) {
        return p->metric;
    }
    const char *factor = decimal_text(a, p->conversion.factor, 0, NULL);
    for (size_t i = 0; p->conversion.divide && i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].metric, p->metric) == 0 && strcmp(units[i].factor, factor) == 0) {
            return units[i].name;
        }
    }
    return arena_printf(a, p->conversion.divide ? "units of %s %s" : "%s units per %s", factor,
                        p->metric);
}

// What a price says of delivery if it takes only one kind.
static const char *delivery_of(const struct plan_price *p) {
    for (size_t i = 0; i < p->filter_count; i++) {
        const struct plan_filter *f = &p->filters[i];
        if (f->value_count == 1 && strcmp(f->dimension, RATING_DELIVERY) == 0) {
            return strcmp(f->values[0], RATING_DELIVERY_REPLAY) == 0 ? ", replayed" : ", fresh";
        }
    }
    return "";
}

static const char *what_of(struct arena *a, const struct wording_input *in) {
    const struct plan_price *p = in->line->price;
    if (in->line->kind == RATING_FIXED) {
        return arena_printf(a, "fee (%s)", p->price_id);
    }
    if (in->line->kind == RATING_MINIMUM) {
        return arena_printf(a, "minimum charge (%s)", p->price_id);
    }
    const char *counted = strcmp(p->metric, RATING_METRIC_BYTES) == 0      ? "data read"
                          : strcmp(p->metric, RATING_METRIC_MESSAGES) == 0 ? "messages read"
                                                                           : "fetches";
    return arena_printf(a, "%s%s, in %s (%s)%s%s", counted, delivery_of(p), unit_of(a, p),
                        p->price_id, in->topics[0] == '\0' ? "" : " from ", in->topics);
}

static const char *missing_of(struct arena *a, const struct wording_input *in) {
    const char *metric = in->line->kind == RATING_USAGE ? in->line->price->metric : "";
    if (strcmp(metric, RATING_METRIC_MESSAGES) == 0) {
        const char *derived =
            strcmp(in->derived_messages, "0") == 0
                ? ""
                : arena_printf(a, ". Derived from earlier fetches: %s", in->derived_messages);
        return strcmp(in->open_fetches, "0") == 0
                   ? derived
                   : arena_printf(a,
                                  "%s. Fetches still open: %s; their messages are not in this "
                                  "figure yet",
                                  derived, in->open_fetches);
    }
    if (strcmp(metric, RATING_METRIC_BYTES) == 0) {
        const char *derived =
            strcmp(in->share_bytes, "0") == 0
                ? ""
                : arena_printf(a, ". Read by share groups, derived from what was produced: %s",
                               in->share_bytes);
        return strcmp(in->share_messages, "0") == 0
                   ? derived
                   : arena_printf(a,
                                  "%s. Messages read by share groups: %s; their bytes are unknown "
                                  "and not in this figure",
                                  derived, in->share_messages);
    }
    return "";
}

static const char *correction_of(struct arena *a, const struct wording_input *in) {
    if (in->corrects_line == 0) {
        return in->late ? "Later usage: " : "";
    }
    return in->corrects_number[0] == '\0'
               ? arena_printf(a, "Correction of line %d: ", in->corrects_line)
               : arena_printf(a, "Correction of %s, line %d: ", in->corrects_number,
                              in->corrects_line);
}

const char *wording_line(struct arena *a, const struct wording_input *in) {
    bool fixed = in->line->kind == RATING_FIXED;
    int64_t from = fixed ? in->service_from_day : in->month_from_day;
    int64_t to = fixed ? in->service_to_day : in->month_to_day;
    const struct rating_row *row = in->line->row_count > 0 ? &in->line->rows[0] : NULL;
    const char *days = "";
    if (fixed && row != NULL && row->prorated && row->billable_days != row->period_days) {
        days = arena_printf(a, ", %lld of %lld days", (long long)row->billable_days,
                            (long long)row->period_days);
    }
    return arena_printf(a, "%s%s: %s, %s%s%s", correction_of(a, in), in->product, what_of(a, in),
                        wording_period(a, from, to), days, missing_of(a, in));
}
