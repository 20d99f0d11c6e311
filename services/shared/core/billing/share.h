// The revenue share: who receives what of a line's net (rating.md chapter 14).
#ifndef WEIR_CORE_BILLING_SHARE_H
#define WEIR_CORE_BILLING_SHARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/money/currency.h"
#include "core/money/decimal.h"

// The two parties every rule knows: the operator keeps the commission, "provider" stands for the
// organisation that sells the product.
#define SHARE_OPERATOR "operator"
#define SHARE_PROVIDER "provider"

struct share_fixed {
    const struct currency *currency;
    struct decimal amount;
};

struct share_party {
    const char *party; // SHARE_PROVIDER or the id of an organisation
    struct decimal share;
};

struct share_rule {
    struct decimal percent; // of the net, the operator's commission
    struct share_fixed *fixed;
    size_t fixed_count;
    bool has_minimum, has_maximum;
    struct decimal minimum, maximum; // of the commission of one line
    struct share_party *parties;     // who divide the rest, in order; default: the provider alone
    size_t party_count;
};

// One party's part of one line. The operator's comes first.
struct share_part {
    const char *party;
    bool has_exact;
    struct decimal exact; // the commission before rounding (operator only)
    struct decimal amount;
};

// Reads one rule, {"percent":"15","fixed":{"EUR":"0.30"},"minimum","maximum","parties":[{"party",
// "share"}]}; `tiers`, `shares_of`, `match`, `settlement` and `accumulated` are not supported yet.
// `pointer` is put in front of e->field ("" at the top). Nothing of `json` is kept.
ERR_MUST_CHECK enum err_code share_parse(struct arena *a, json_t *json, const char *pointer,
                                         struct share_rule *ret, struct err *e);

// Divides a line's net: the commission k = net * percent / 100 + fixed, at least the minimum, at
// most the maximum and the net (a negative net: the percentage alone), rounded once; the rest by
// largest remainder. *ret_parts has 1 + party_count entries that add up to the net. ERR_INVALID if
// the rule has fixed amounts but none in this currency.
ERR_MUST_CHECK enum err_code share_divide(struct arena *a, const struct share_rule *rule,
                                          const struct currency *currency, struct decimal net,
                                          struct share_part **ret_parts, size_t *ret_count,
                                          struct err *e);

#endif
