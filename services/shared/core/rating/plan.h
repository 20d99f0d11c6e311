// A plan: what a subscription costs, as immutable JSON (rating.md chapter 15). Parsing refuses
// unknown fields, numbers that are not strings, and every feature that is not rated yet, each with
// the JSON pointer of the field at fault.
#ifndef WEIR_CORE_RATING_PLAN_H
#define WEIR_CORE_RATING_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/money/currency.h"
#include "core/money/decimal.h"

enum {
    PLAN_JSON_MAX = 256 * 1024, // bytes of a plan's text
    PLAN_PRICES_MAX = 200,
    PLAN_TIERS_MAX = 200,
    PLAN_ID_MAX = 64, // bytes of plan_id and price_id
    PLAN_LABELS_MAX = 32,
    PLAN_LABEL_MAX = 128, // bytes of a label's name or value
    PLAN_ROUND_SCALE_MAX = 12,
    PLAN_PARTIES_MAX = 16,
};

enum plan_billed { PLAN_IN_ARREARS, PLAN_IN_ADVANCE };

struct kernel; // kernel.h

// The price function. `terms` are its file's own.
struct plan_kernel {
    const struct kernel *type;
    const void *terms;
};

struct plan_conversion {
    bool divide; // else multiply
    struct decimal factor;
    bool rounds; // R1
    enum decimal_mode mode;
    int scale;
};

// Takes usage whose dimension has one of these values; each is there once.
struct plan_filter {
    const char *dimension;
    const char **values;
    size_t value_count;
};

// An amount or quantity that may be prorated to the days served.
struct plan_bound {
    bool set;
    bool prorated;
    struct decimal value;
};

struct plan_label {
    const char *name, *value;
};

struct plan_price {
    const char *price_id;
    struct plan_kernel kernel;
    enum plan_billed billed;
    bool prorated;      // flat
    const char *metric; // its name (rating_usage.h); NULL: none
    struct plan_filter *filters;
    size_t filter_count;
    bool has_conversion;
    struct plan_conversion conversion;
    bool clamp_negative; // negative_quantity: zero
    struct plan_bound included;
    bool has_discount;
    struct decimal discount_percent;
    struct plan_bound maximum, minimum;
    bool partial_billing; // may stand on a document before the period's last
    const char *tax_category;
    struct plan_label *labels;
    size_t label_count;
};

struct plan {
    const char *plan_id;
    int64_t version;
    const struct currency *currency;
    int64_t valid_from_day; // civil day, days since 1970-01-01
    struct plan_price *prices;
    size_t price_count;
};

// Reads a plan. All memory is the arena's, nothing of `json` is kept. ERR_INVALID with e->field and
// mostly a hint; a feature not rated yet says "... is not supported yet".
ERR_MUST_CHECK enum err_code plan_parse(struct arena *a, json_t *json, struct plan *ret,
                                        struct err *e);
// The same from text of at most PLAN_JSON_MAX bytes; repeated members are refused.
ERR_MUST_CHECK enum err_code plan_parse_text(struct arena *a, struct slice text, struct plan *ret,
                                             struct err *e);
// The price of an id, or NULL.
const struct plan_price *plan_find_price(const struct plan *p, const char *price_id);

#endif
