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
    PLAN_SHARE_RULES_MAX = 100,
};

enum plan_metric { PLAN_METRIC_NONE, PLAN_METRIC_BYTES, PLAN_METRIC_MESSAGES, PLAN_METRIC_FETCHES };

// Values of the dimension `delivery`; bits, so that a filter is a set of them.
enum plan_delivery { PLAN_DELIVERY_NONE = 0, PLAN_DELIVERY_FRESH = 1, PLAN_DELIVERY_REPLAY = 2 };

enum plan_kernel_type {
    PLAN_KERNEL_FLAT,
    PLAN_KERNEL_PER_UNIT,
    PLAN_KERNEL_GRADUATED,
    PLAN_KERNEL_VOLUME,
    PLAN_KERNEL_PACKAGE,
};

enum plan_billed { PLAN_IN_ARREARS, PLAN_IN_ADVANCE };

// Quantities in packages: of a `package` kernel, or of one tier.
struct plan_package {
    struct decimal size; // > 0
    struct decimal amount;
};

// Tier i holds (up_to of tier i-1, up_to].
struct plan_tier {
    bool has_up_to; // the last tier has none
    struct decimal up_to;
    bool in_packages;
    struct decimal unit_amount;  // unless in_packages
    struct plan_package package; // if in_packages
    struct decimal flat_amount;  // default 0
    bool has_max_amount;         // graduated only
    struct decimal max_amount;
};

struct plan_kernel {
    enum plan_kernel_type type;
    struct decimal flat_amount;     // flat
    struct decimal unit_amount;     // per_unit
    struct plan_package package;    // package
    enum decimal_mode package_mode; // package: DECIMAL_CEILING ("up") or DECIMAL_FLOOR ("down")
    struct plan_tier *tiers;        // graduated, volume
    size_t tier_count;
    bool zero_usage_flat; // graduated, volume
};

struct plan_conversion {
    bool divide; // else multiply
    struct decimal factor;
    bool rounds; // R1
    enum decimal_mode mode;
    int scale;
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
    bool prorated; // flat
    enum plan_metric metric;
    unsigned deliveries; // set of enum plan_delivery the price selects; 0: no filter
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
// "bytes", "messages", "fetches"; "" for none. And back: PLAN_METRIC_NONE for another word.
const char *plan_metric_name(enum plan_metric metric);
enum plan_metric plan_metric_of(const char *name);
const char *plan_delivery_name(enum plan_delivery delivery);
// PLAN_DELIVERY_NONE for another word.
enum plan_delivery plan_delivery_of(const char *name);

#endif
