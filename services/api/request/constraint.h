// What the database's constraints mean to a caller.
#ifndef WEIR_API_REQUEST_CONSTRAINT_H
#define WEIR_API_REQUEST_CONSTRAINT_H

#include "base/err.h"

// If `e` is the refusal of a constraint that a caller can run into, it becomes the field at fault
// and a sentence; the code stays. Others are left as they are.
void constraint_explain(struct err *e);

#endif
