// A document's money: lines of one or more subscriptions, tax once per category and rate, the
// revenue share of each line (rating.md chapters 12 and 14). Numbers, dates and parties are the
// caller's. Coupons and credits are not built yet: net = amount, due = total.
#ifndef WEIR_CORE_BILLING_DOCUMENT_H
#define WEIR_CORE_BILLING_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/billing/share.h"
#include "core/rating/rating.h"

enum { DOCUMENT_TAXES_MAX = 64 };

// What a line's tax goes by. Without a rate the line bears every rule given for its category, which
// may be none. With one it bears that rate alone: lines of different months may bear different
// rates of one category.
struct document_tax_key {
    const char *category;
    bool has_rate;
    struct decimal rate; // percent
};

// A tax that applies to every line of its category: a rate in percent, or a fixed amount that is
// added once.
struct document_tax_rule {
    const char *category;
    bool fixed;
    struct decimal rate;   // percent, unless fixed
    struct decimal amount; // if fixed, in the document's currency
};

// What one subscription brings. Without a share rule the whole net is the operator's own revenue
// and the lines have no parts.
struct document_source {
    const struct rating_result *rated;
    const struct share_rule *share;     // or NULL
    const char *provider;               // id of the organisation that SHARE_PROVIDER stands for
    const struct document_tax_key *tax; // or NULL: per line of `rated`, instead of the price's own
};

struct document_line_tax {
    size_t group; // index in document.taxes
    struct decimal amount;
};

struct document_line {
    int line;   // from 1, over all sources
    int parent; // number on this document, or 0
    size_t source;
    const struct rating_line *rated;
    struct document_tax_key tax;
    struct decimal document_discount; // 0 until there are coupons
    struct decimal net;
    struct document_line_tax *taxes; // parts of the groups' taxes, by largest remainder
    size_t tax_count;
    struct share_part *parts; // what to store; they add up to net
    size_t part_count;
};

// One group of lines: of one category and rate.
struct document_tax {
    const char *category;
    bool fixed;
    struct decimal rate; // percent, unless fixed
    struct decimal net;  // sum of the group's lines
    struct decimal amount;
};

struct document {
    const struct currency *currency;
    const struct document_source *sources; // a copy; what they point to is borrowed
    struct document_line *lines;
    size_t line_count;
    struct document_tax *taxes; // only groups with a line: the rules', then the lines' own rates
    size_t tax_count;
    struct decimal net, tax, total, due;
};

// Builds the document. All sources have the currency given, else ERR_INVALID; more than
// DOCUMENT_TAXES_MAX rules and rates are ERR_LIMIT. Everything belongs to the arena; what a source
// or rule points to is borrowed, the arrays themselves are not kept.
ERR_MUST_CHECK enum err_code document_build(struct arena *a, const struct currency *currency,
                                            const struct document_source *sources,
                                            size_t source_count,
                                            const struct document_tax_rule *rules,
                                            size_t rule_count, struct document *ret, struct err *e);

// The taxes and the revenue share of a document's input, rating.md 15.1.
struct document_terms {
    struct document_tax_rule *taxes;
    size_t tax_count;
    bool has_share;
    struct share_rule share;
};

// Reads {"taxes":[{"category","rate"|"amount"}],"revenue_share":{…}}; `revenue_share` is one rule,
// or an array of one. Coupons, credit notes, wallets and several rules are not supported yet.
// Nothing of `json` is kept; null gives no taxes and no share.
ERR_MUST_CHECK enum err_code document_terms_parse(struct arena *a, json_t *json,
                                                  struct document_terms *ret, struct err *e);

// Lines in the shape of rating.md 16 with the element of kind "document" at the end; the caller
// owns the reference.
json_t *document_json(struct arena *scratch, const struct document *d);

#endif
