// Bearer tokens of the API: verified, then bound to a client that is still active.
#ifndef WEIR_API_TOKEN_AUTH_H
#define WEIR_API_TOKEN_AUTH_H

#include "api/request.h"

// Fills r->who. ERR_UNAUTHENTICATED for a token that isn't accepted.
ERR_MUST_CHECK enum err_code token_auth(struct request *r, struct slice token, struct err *e);

#endif
