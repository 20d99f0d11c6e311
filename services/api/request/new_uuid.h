// Random ids (RFC 9562, version 4) for rows whose id must be known before they are written.
#ifndef WEIR_API_REQUEST_NEW_UUID_H
#define WEIR_API_REQUEST_NEW_UUID_H

#include "base/arena.h"

const char *new_uuid(struct arena *arena);

#endif
