// The billing period of a query or a body: a calendar month "YYYY-MM".
#ifndef WEIR_API_FINANCE_PERIOD_H
#define WEIR_API_FINANCE_PERIOD_H

#include <stdbool.h>

struct request;

bool period_valid(const char *text);
// From ?period=, or NULL if absent. False: answered, it was malformed.
bool period_query(struct request *r, const char **ret);

#endif
