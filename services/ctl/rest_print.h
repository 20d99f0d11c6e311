// Answers of the REST API on standard output.
#ifndef WEIR_CTL_REST_PRINT_H
#define WEIR_CTL_REST_PRINT_H

#include "base/buf.h"
#include "base/err.h"
#include "ctl/rest.h"

// The answer as it is, and the end of its line. ERR_IO if it can't be written.
ERR_MUST_CHECK enum err_code rest_print(const struct buf *answer, struct err *e);
// One call whose answer is printed as it is.
ERR_MUST_CHECK enum err_code rest_print_call(const struct config *c, const struct rest_call *call,
                                             struct err *e);

#endif
