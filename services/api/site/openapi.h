// The OpenAPI document of this build, embedded.
#ifndef WEIR_API_SITE_OPENAPI_H
#define WEIR_API_SITE_OPENAPI_H

#include "base/slice.h"

struct slice openapi_document(void);

#endif
