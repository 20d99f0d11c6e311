// Rating: a plan, what was used, a period and what was billed for it before give the lines of a
// document (rating.md chapters 4 to 10). A pure function; nothing here rounds but where rating.md
// 2.3 says so.
#ifndef WEIR_CORE_RATING_RATING_H
#define WEIR_CORE_RATING_RATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/money/decimal.h"
#include "core/rating/package.h"
#include "core/rating/plan.h"
#include "core/rating/rating_usage.h"

enum { RATING_USAGE_MAX = 100000, RATING_BILLED_MAX = 100000 };

// Local civil days (days since 1970-01-01, see days_from_civil) of the account's zone; half-open.
struct rating_period {
    int64_t from_day, to_day;
    int64_t service_from_day, service_to_day; // the part served; both 0: the whole period
    bool days_given;                          // billable_days and period_days are the caller's
    int64_t billable_days, period_days;
    bool final;        // the last document of the period: fees in arrears, minimums
    bool advance_only; // only the fees billed in advance (the first day of a period)
    // An earlier document of the period has given back the unused days of the fees billed in
    // advance: they are left alone. Without it each document whose service ends before `to_day`
    // gives them back (rating.md 15.2, "advance fees"), at most what is left of what was paid.
    bool end_credited;
};

enum rating_kind { RATING_FIXED, RATING_USAGE, RATING_MINIMUM };

// A line that an earlier document of the same period carried; those of one price and kind are
// added. Keep `metered`, `base`, `discount` and `cap` of each issued line to build it.
struct rating_billed {
    const char *price_id;
    enum rating_kind kind;
    struct decimal metered;
    bool has_amounts; // false: stands for the rated result of `metered` under this plan
    struct decimal base, discount, cap;
};

struct rating_input {
    struct rating_period period;
    const struct rating_usage *usage; // in any order; equal entries are added
    size_t usage_count;
    const struct rating_billed *billed_before;
    size_t billed_count;
};

enum rating_reason { RATING_BILLED, RATING_INCLUDED };

// One step of a line. In a line that corrects, quantity, packages, amount and capped are
// differences.
struct rating_row {
    enum rating_reason reason;
    int tier;                   // from 1; 0: no tiers
    struct decimal from;        // tier > 0: above this
    bool has_up_to;             // tier > 0: the last has none
    struct decimal up_to;       // up to and with this
    bool has_quantity;          // not for fixed fees and minimums
    struct decimal quantity;    // after conversion
    bool has_unit_amount;       // priced per unit
    struct decimal unit_amount; // never rounded
    bool has_package;           // priced in packages
    struct package package;     //
    struct decimal packages;    // how many
    bool has_flat_amount;
    struct decimal flat_amount;
    bool has_max_amount; // the tier's own limit
    struct decimal max_amount;
    bool prorated; // amount = flat_amount * billable_days / period_days
    int64_t billable_days, period_days;
    struct decimal amount; // exact
    struct decimal capped; // what the price's maximum took of it
};

struct rating_line {
    int line;                       // from 1, in this result
    const struct plan_price *price; // borrowed from the plan
    enum rating_kind kind;
    int parent;               // RATING_MINIMUM: number of the line it raises, 0 if there is none
    struct decimal metered;   // in the metric's own unit
    struct decimal quantity;  // billable, after conversion and included units
    struct decimal unrounded; // exact, sum of the rows' amounts
    struct decimal base;      // rounded (R3)
    struct decimal discount;  // rounded (R4), taken off
    struct decimal cap;       // rounded (R5), taken off
    struct decimal amount;    // base - discount - cap
    struct rating_row *rows;
    size_t row_count;
};

struct rating_result {
    const struct plan *plan;
    struct rating_line *lines;
    size_t line_count;
    // Sums whose metric the plan prices, but which no price selects. They have no amount; a document
    // with such usage should not be issued before a person has settled it.
    struct rating_usage *unpriced;
    size_t unpriced_count;
    struct decimal amount; // sum of the lines, before tax
};

// Rates. The result and what it points to belong to the arena, except what it borrows from `plan`,
// which must live as long. ERR_INVALID if the period cannot be one of the plan's interval.
ERR_MUST_CHECK enum err_code rating_run(struct arena *a, const struct plan *plan,
                                        const struct rating_input *input, struct rating_result *ret,
                                        struct err *e);

const char *rating_kind_name(enum rating_kind kind);       // "fixed", "usage", "minimum"
const char *rating_reason_name(enum rating_reason reason); // "billed", "included"

#endif
