// Which tax a line bears. Only sales inside one country are decided; anything else is said to be
// undecided, and the document waits as a draft. Pure.
#ifndef WEIR_CORE_BILLING_TAX_DECISION_H
#define WEIR_CORE_BILLING_TAX_DECISION_H

#include "base/arena.h"

// What an undecided line carries until somebody decides.
#define TAX_UNDECIDED "undecided"

struct tax_decision {
    const char *category;  // UNCL5305, or TAX_UNDECIDED
    const char *undecided; // why, in words; NULL if decided
};

// Countries by ISO 3166 code; `category` as the price names it.
struct tax_decision tax_decide(struct arena *a, const char *seller_country,
                               const char *buyer_country, const char *category);

#endif
