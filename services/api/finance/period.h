// The billing period of a query or a body: a calendar month "YYYY-MM".
#ifndef WEIR_API_FINANCE_PERIOD_H
#define WEIR_API_FINANCE_PERIOD_H

#include "api/request/read.h"

// For ?period= and the field of a body.
extern const struct read_rule period_rule;

#endif
