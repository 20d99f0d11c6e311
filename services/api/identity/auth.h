// Who asks: a person by session cookie, or an application by bearer token.
#ifndef WEIR_API_IDENTITY_AUTH_H
#define WEIR_API_IDENTITY_AUTH_H

#include "api/request/request.h"
#include "platform/secret/secret.h"

// Fills r->who and scope, then calls `then`; otherwise answers 401 (or 403 for a cookie that comes
// with a foreign Origin).
void auth_identify(struct request *r, void (*then)(struct request *r));
// For operations that anybody may call: a browser may not be made to call them from another site.
// False: answered.
bool auth_same_site(struct request *r);
// The answer to people of an organisation that is suspended.
void auth_refuse_suspended(struct request *r);
// The hash under which a session's cookie value is stored.
void auth_session_hash(const struct api *api, struct slice value,
                       unsigned char out[SECRET_HASH_BYTES]);
// A cookie of the request by its name; {NULL, 0} if there is none.
struct slice auth_cookie(const struct request *r, const char *name);
// Has the browser keep a cookie (0: forget it), for nobody but us to read.
void auth_set_cookie(struct request *r, const char *name, const char *value, int life_s);
// The session cookie of the request; {NULL, 0} if there is none.
struct slice auth_session_cookie(const struct request *r);

#endif
