// Whether a period can be billed: it has ended in every account's zone, and every broker of its
// clusters has been heard past the usage end in every log partition. What is missing is named.
#ifndef WEIR_BILLER_COMPLETENESS_H
#define WEIR_BILLER_COMPLETENESS_H

#include <jansson.h>

#include "platform/pg/pg.h"

// Adds a sentence to `missing` (an array) for each broker that has not been heard past usage_end.
ERR_MUST_CHECK enum err_code completeness_brokers(struct pg *pg, const char *month,
                                                  int64_t usage_end_us, json_t *missing,
                                                  struct err *e);

#endif
