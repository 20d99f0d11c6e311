// What libh2o's parser lets through in the head of a request although two readers may take it for
// different requests (RFC 9112 2.2, 3.2, 5.2, 6.3).
#ifndef WEIR_PLATFORM_HTTP_REQUEST_HEAD_H
#define WEIR_PLATFORM_HTTP_REQUEST_HEAD_H

#include "base/slice.h"

// `bytes` begin with a head that the parser took, up to its empty line; what follows isn't read.
// NULL if the head is fine, else what is wrong with it, for the caller of the API.
const char *request_head_fault(struct slice bytes);

#endif
