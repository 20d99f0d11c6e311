#include "core/billing/tax_decision.h"

#include <string.h>

struct tax_decision tax_decide(struct arena *a, const char *seller_country,
                               const char *buyer_country, const char *category) {
    if (strcmp(seller_country, buyer_country) != 0) {
        return (struct tax_decision){
            TAX_UNDECIDED,
            arena_printf(a,
                         "the tax of a sale from %s to %s is not decided: only sales inside one "
                         "country are supported yet",
                         seller_country, buyer_country)};
    }
    if (strcmp(category, "S") != 0) {
        return (struct tax_decision){
            TAX_UNDECIDED,
            arena_printf(a, "tax category %s is not supported yet, only S (standard rate)",
                         category)};
    }
    return (struct tax_decision){category, NULL};
}
