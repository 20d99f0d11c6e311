// Bearer tokens of the API: verified, then bound to a client that is still active.
#ifndef WEIR_API_IDENTITY_TOKEN_AUTH_H
#define WEIR_API_IDENTITY_TOKEN_AUTH_H

#include "api/request/request.h"

// Fills r->who and calls `then`; otherwise answers 401.
void token_auth(struct request *r, struct slice token, void (*then)(struct request *r));

#endif
